using System.Diagnostics.CodeAnalysis;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>How long to measure.</summary>
sealed record CompareOptions
{
    static readonly string DefaultData = Path.GetTempPath();

    /// <summary>Rounds, of which the median counts.</summary>
    public int Rounds { get; private init; } = 3;

    /// <summary>Length of one load in seconds.</summary>
    public int Seconds { get; private init; } = 10;

    /// <summary>Length in seconds of the load under which the parts of the table are counted.</summary>
    public int PartsSeconds { get; private init; }

    /// <summary>The folder that ClickHouse's data folder is made in.</summary>
    public string Data { get; private init; } = DefaultData;

    /// <summary>The options as they are written on the command line.</summary>
    public override string ToString() =>
        $"--rounds {Rounds} --seconds {Seconds} --parts-seconds {PartsSeconds}" + (Data == DefaultData ? "" : $" --data {Data}");

    public static bool TryParse(string[] args, int partsSeconds, [NotNullWhen(true)] out CompareOptions? options)
    {
        options = new CompareOptions { PartsSeconds = partsSeconds };
        for (var i = 0; i < args.Length && options is not null; i += 2)
        {
            var value = args.ElementAtOrDefault(i + 1);
            var number = int.TryParse(value, out var parsed) ? parsed : 0;
            options = args[i] switch
            {
                "--rounds" when number > 0 => options with { Rounds = number },
                "--seconds" when number > 0 => options with { Seconds = number },
                "--parts-seconds" when number > 0 => options with { PartsSeconds = number },
                "--data" when Directory.Exists(value) => options with { Data = value },
                _ => null,
            };
        }

        return options is not null;
    }
}
