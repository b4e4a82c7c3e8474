using System.Diagnostics.CodeAnalysis;

namespace MetricsFunctions.Benchmarks.ColdStart;

/// <summary>How often to start.</summary>
/// <param name="Rounds">Starts of each program, of which the median counts.</param>
sealed record ColdStartOptions(int Rounds = 15)
{
    public static bool TryParse(string[] args, [NotNullWhen(true)] out ColdStartOptions? options)
    {
        options = args switch
        {
            [] => new ColdStartOptions(),
            ["--rounds", var text] when int.TryParse(text, out var rounds) && rounds > 0 => new ColdStartOptions(rounds),
            _ => null,
        };
        return options is not null;
    }
}
