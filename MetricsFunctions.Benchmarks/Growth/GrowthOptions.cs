using System.Diagnostics.CodeAnalysis;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>How many samples to store, and how long to measure.</summary>
sealed record GrowthOptions
{
    const long First = 1_000_000;

    static readonly string DefaultData = Path.GetTempPath();

    /// <summary>Stored samples of the last stage.</summary>
    public long Rows { get; private init; } = 100_000_000;

    /// <summary>Requests of one sample to each side, after warm-up.</summary>
    public int Requests { get; private init; } = 600;

    /// <summary>Length of one load in seconds.</summary>
    public int Seconds { get; private init; } = 5;

    /// <summary>The folder that ClickHouse's data folders are made in.</summary>
    public string Data { get; private init; } = DefaultData;

    /// <summary>Stored samples of each stage: none, then ten times more and more up to the last.</summary>
    public IEnumerable<long> Stages
    {
        get
        {
            yield return 0;
            for (var rows = First; rows < Rows; rows *= 10)
            {
                yield return rows;
            }

            yield return Rows;
        }
    }

    /// <summary>The options as they are written on the command line.</summary>
    public override string ToString() =>
        $"--rows {Rows} --requests {Requests} --seconds {Seconds}" + (Data == DefaultData ? "" : $" --data {Data}");

    public static bool TryParse(string[] args, [NotNullWhen(true)] out GrowthOptions? options)
    {
        options = new GrowthOptions();
        for (var i = 0; i < args.Length && options is not null; i += 2)
        {
            var value = args.ElementAtOrDefault(i + 1);
            var number = long.TryParse(value, out var parsed) && parsed <= 100_000_000_000 ? parsed : 0;
            options = args[i] switch
            {
                "--rows" when number >= First => options with { Rows = number },
                "--requests" when number is > 0 and <= 1_000_000 => options with { Requests = (int)number },
                "--seconds" when number is > 0 and <= 3600 => options with { Seconds = (int)number },
                "--data" when Directory.Exists(value) => options with { Data = value },
                _ => null,
            };
        }

        return options is not null;
    }
}
