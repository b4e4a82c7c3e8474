namespace MetricsFunctions.Tests.Abuse;

/// <summary>
/// Others misuse the service as hard as they can: the service stays up, its memory stays within bounds, and those who do all as it should
/// be done get their answers. The table of docs/operations.md, on a quiet machine:
/// <c>TMPDIR=/dev/shm ABUSE_SECONDS=10 dotnet test MetricsFunctions.Tests -c Release --filter FullyQualifiedName~AbuseTests --logger "console;verbosity=detailed"</c>.
/// </summary>
[Collection(nameof(Attacked))]
public sealed class AbuseTests(Attacked service, ITestOutputHelper output) : IClassFixture<Attacked>
{
    const long MostMegabytes = 500;

    public static TheoryData<string> Attacks { get; } = [.. Attack.All.Keys];

    [Theory]
    [MemberData(nameof(Attacks))]
    public Task The_service_and_its_good_clients_outlast(string name) => service.OutlastAsync(Attack.All[name], MostMegabytes, output);
}
