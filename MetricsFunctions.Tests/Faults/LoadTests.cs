namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// The tests of what the service holds under load: they measure times and memory and take both cores, so they run one after the other and beside no
/// other test.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LoadTests
{
    public const string Name = "Load";
}
