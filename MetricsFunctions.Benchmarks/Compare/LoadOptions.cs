using System.Diagnostics.CodeAnalysis;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>How long to load, and how often.</summary>
sealed record LoadOptions
{
    static readonly string DefaultData = Path.GetTempPath();

    /// <summary>Rounds, of which the median counts.</summary>
    public int Rounds { get; private init; } = 3;

    /// <summary>Length of one load in seconds.</summary>
    public int Seconds { get; private init; } = 10;

    /// <summary>The folder that all data folders are made in.</summary>
    public string Data { get; private init; } = DefaultData;

    /// <summary>The options as they are written on the command line.</summary>
    public override string ToString() => $"--rounds {Rounds} --seconds {Seconds}" + (Data == DefaultData ? "" : $" --data {Data}");

    public static bool TryParse(string[] args, [NotNullWhen(true)] out LoadOptions? options)
    {
        options = new LoadOptions();
        for (var i = 0; i < args.Length && options is not null; i += 2)
        {
            var value = args.ElementAtOrDefault(i + 1);
            var number = int.TryParse(value, out var parsed) ? parsed : 0;
            options = args[i] switch
            {
                "--rounds" when number > 0 => options with { Rounds = number },
                "--seconds" when number > 0 => options with { Seconds = number },
                "--data" when Directory.Exists(value) => options with { Data = value },
                _ => null,
            };
        }

        return options is not null;
    }
}
