namespace MetricsFunctions.Tests.Faults;

/// <summary>How often a fault is repeated: a few times in every run of the tests, and <c>FAULT_ROUNDS</c> times when somebody asks for proof.</summary>
static class Rounds
{
    public static int Or(int few) =>
        Environment.GetEnvironmentVariable("FAULT_ROUNDS") is { Length: > 0 } rounds
            ? int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture)
            : few;
}
