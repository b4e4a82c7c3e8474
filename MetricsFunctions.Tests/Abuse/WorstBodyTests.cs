namespace MetricsFunctions.Tests.Abuse;

/// <summary>
/// In a container of 1 GiB, small bodies of every protocol that become as much as they can, from 64 connections: for a minute each with
/// <c>TMPDIR=/dev/shm ABUSE_SECONDS=60 dotnet test MetricsFunctions.Tests -c Release --filter FullyQualifiedName~WorstBodyTests --logger "console;verbosity=detailed"</c>.
/// </summary>
[Collection(nameof(Attacked))]
public sealed class WorstBodyTests(WorstBodyTests.SmallContainer service, ITestOutputHelper output) : IClassFixture<WorstBodyTests.SmallContainer>
{
    const long MostMegabytes = 400;

    // The sum that docs/operations.md derives, for 1,024 connections.
    const long MostMegabytesOfMany = 473;

    public static TheoryData<string> Attacks { get; } = [.. Attack.Worst.Keys];

    /// <summary>.NET takes three quarters of a container for its heap.</summary>
    public sealed class SmallContainer : Attacked
    {
        protected override (string Setting, string Value)[] Settings => [.. base.Settings, ("DOTNET_GCHeapHardLimit", "0x30000000")];
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public Task The_service_and_its_good_clients_outlast(string name) => service.OutlastAsync(Attack.Worst[name], MostMegabytes, output);

    [Fact]
    public async Task A_thousand_connections_with_the_worst_bodies_of_all_protocols_are_outlasted()
    {
        // By another one: whatever this one takes, it keeps.
        await using var other = new SmallContainer();
        await other.InitializeAsync();
        await other.OutlastAsync(Attack.AllWorst, MostMegabytesOfMany, output);
    }
}
