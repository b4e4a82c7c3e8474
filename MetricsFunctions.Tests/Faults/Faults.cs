namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// The tests of what the service holds under load: they measure times and memory and take both cores, so they run one after the other and beside no
/// other test.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FaultTests
{
    public const string Name = "Faults";
}

/// <summary>How often a fault is repeated: a few times in every run of the tests, and <c>FAULT_ROUNDS</c> times when somebody asks for proof.</summary>
static class Rounds
{
    public static int Or(int few) =>
        Environment.GetEnvironmentVariable("FAULT_ROUNDS") is { Length: > 0 } rounds
            ? int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture)
            : few;
}
