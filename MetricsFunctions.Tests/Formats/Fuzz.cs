namespace MetricsFunctions.Tests.Formats;

/// <summary>How many bodies are tried: some hundreds in every run of the tests, and <c>FUZZ_BODIES</c> when somebody asks for proof.</summary>
static class Fuzz
{
    /// <summary>Whether somebody asks for proof.</summary>
    public static bool IsLong => Bodies(0) > 0;

    public static int Bodies(int few) =>
        Environment.GetEnvironmentVariable("FUZZ_BODIES") is { Length: > 0 } bodies
            ? int.Parse(bodies, System.Globalization.CultureInfo.InvariantCulture)
            : few;
}
