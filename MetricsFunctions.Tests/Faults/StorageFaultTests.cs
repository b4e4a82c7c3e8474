using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using MetricsFunctions.EmbeddedClickHouse;
using MetricsFunctions.Tests.EmbeddedClickHouse;

namespace MetricsFunctions.Tests.Faults;

/// <summary>
/// Faults that ClickHouse itself reports, brought about for real and mended while senders go on sending. Each is a 503 that names it, and
/// one line in the log that says what to do, however many requests meet it; and once it is mended, nobody has to do anything more.
/// </summary>
public sealed class StorageFaultTests(ITestOutputHelper output)
{
    const int Senders = 8;

    static readonly TimeSpan Resumption = TimeSpan.FromSeconds(2);

    // For a busy machine.
    static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_missing_table()
    {
        await using var installation = await StartAsync();
        await AssertToldAndOvercomeAsync(
            installation,
            "the table metrics.samples, or one that a view on it fills, does not exist",
            "Apply the files of clickhouse/schema",
            () => installation.QueryAsync("DROP TABLE metrics.samples SYNC"),
            installation.ApplySchemaAsync);
    }

    [Fact]
    public async Task A_read_only_table()
    {
        await using var installation = await StartAsync();
        await AssertToldAndOvercomeAsync(
            installation,
            "ClickHouse is read-only",
            "For a user: set readonly=0",
            () => SetAsync(installation, "table_readonly = 1"),
            () => SetAsync(installation, "table_readonly = 0"));
    }

    [Fact]
    public async Task Too_little_disk_space()
    {
        await using var installation = await StartAsync();
        await AssertToldAndOvercomeAsync(
            installation,
            "ClickHouse is out of disk space",
            "Free or add disk",
            () => SetAsync(installation, $"min_free_disk_bytes_to_perform_insert = {1L << 60}"),
            () => SetAsync(installation, "min_free_disk_bytes_to_perform_insert = 0"));
    }

    [Fact]
    public async Task Too_many_parts()
    {
        await using var installation = await StartAsync();
        await AssertToldAndOvercomeAsync(
            installation,
            "ClickHouse cannot merge as fast as it is written to",
            "See system.merges and system.parts",
            async () =>
            {
                await installation.QueryAsync("SYSTEM STOP MERGES metrics.samples");
                await SetAsync(installation, "parts_to_delay_insert = 1, parts_to_throw_insert = 1");
            },
            () => SetAsync(installation, "parts_to_delay_insert = 1000, parts_to_throw_insert = 3000"));
    }

    [Theory]
    [InlineData("<password>secret", "<password>another", "ClickHouse refuses the service's user or password", "Correct Username and Password")]
    [InlineData("<readonly>0", "<readonly>1", "ClickHouse is read-only", "For a user: set readonly=0")]
    [InlineData("GRANT INSERT ON", "GRANT SHOW ON", "ClickHouse does not let the service's user insert", "Grant it")]
    public async Task An_account_that_cannot_insert(string right, string wrong, string brief, string advice)
    {
        // Accounts are a matter of the server's files, and this server reads them at its start only.
        using var configuration = ServerConfiguration.Copy();
        const string Account = """
            <clickhouse>
              <profiles><service><readonly>0</readonly></service></profiles>
              <users>
                <service>
                  <password>secret</password>
                  <networks><ip>127.0.0.1</ip></networks>
                  <profile>service</profile>
                  <quota>default</quota>
                  <grants><query>GRANT INSERT ON metrics.samples</query></grants>
                </service>
              </users>
            </clickhouse>
            """;
        Assert.Contains(right, Account, StringComparison.Ordinal);

        await using var installation = await StartAsync();
        await installation.ClickHouse.StopAsync();
        await installation.Process.KillAsync();
        await WriteAsync(Account);
        await using var server = await ClickHouseServer.StartAsync(new ClickHouseServerOptions
        {
            DataPath = installation.ClickHouse.DataPath,
            HttpPort = installation.ClickHouse.HttpPort,
            TcpPort = installation.ClickHouse.TcpPort,
            ConfigurationPath = configuration.Path,
        });
        await installation.StartServiceAsync("Username=service;Password=secret");
        await AssertToldAndOvercomeAsync(
            installation, brief, advice, () => RestartAsync(Account.Replace(right, wrong, StringComparison.Ordinal)), () => RestartAsync(Account));

        Task WriteAsync(string account) => File.WriteAllTextAsync(Path.Combine(configuration.Path, "users.d", "service.xml"), account);

        async Task RestartAsync(string account)
        {
            await WriteAsync(account);
            await server.RestartAsync();
        }
    }

    [Fact]
    public async Task An_unreachable_ClickHouse()
    {
        await using var installation = await StartAsync();
        await AssertToldAndOvercomeAsync(
            installation,
            "ClickHouse cannot be reached",
            "Check that it runs",
            installation.ClickHouse.KillAsync,
            () => installation.ClickHouse.RestartAsync());
    }

    // Long enough for ClickHouse to answer on a busy machine: that it does not would be another fault.
    static Task<Installation> StartAsync() => Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:02"));

    static Task<string> SetAsync(Installation installation, string settings) =>
        installation.QueryAsync($"ALTER TABLE metrics.samples MODIFY SETTING {settings}");

    async Task AssertToldAndOvercomeAsync(Installation installation, string brief, string advice, Func<Task> harm, Func<Task> mend)
    {
        using (var sender = new Sender(installation.Service))
        {
            Assert.Equal(200, (await sender.PostAsync(Sample)).Status);
        }

        await harm();
        var refusals = new ConcurrentQueue<Answer>();
        var sending = Enumerable.Range(0, Senders).Select(number => SendUntilStoredAsync(installation, number, refusals)).ToList();
        await Wait.UntilAsync(() => Task.FromResult(refusals.Count >= 2 * Senders && Changes(installation).Count > 0));
        Assert.All(refusals, refusal => Assert.Matches(
            $"^(Nothing of the request is stored|Whether the request is stored is not known): {Regex.Escape(brief)}\\. Send the same request again\\.$",
            refusal.Detail));
        Assert.Equal((503, $"Samples cannot be stored now: {brief}."), await Readiness.OfAsync(installation.Service));
        Assert.StartsWith($"Samples cannot be stored: {brief}. {advice}", Assert.Single(Changes(installation)), StringComparison.Ordinal);

        await mend();
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(sending);
        output.WriteLine($"{refusals.Count} requests refused; stored again {watch.Elapsed.TotalSeconds:0.000} s after the repair");
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, Resumption + Margin);
        Assert.All(refusals, refusal => Assert.Equal((503, true), (refusal.Status, refusal.RetryAfter is { Length: > 0 })));
        await Wait.UntilAsync(() => Task.FromResult(Changes(installation)[^1] == "Samples are stored again"));
        await Wait.UntilAsync(async () => (await Readiness.OfAsync(installation.Service)).Status == 200);
    }

    static List<string> Changes(Installation installation) =>
    [
        .. installation.Process.Output.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("Samples ", StringComparison.Ordinal)),
    ];

    const string Sample = """{"metric_name": "troubled", "metric_value": 1}""";

    // With and without a key, because the two wait in different places.
    static async Task SendUntilStoredAsync(Installation installation, int number, ConcurrentQueue<Answer> refusals)
    {
        using var sender = new Sender(installation.Service);
        var key = number % 2 == 0 ? $"{number}" : null;
        while (await sender.PostAsync(Sample, key) is { Status: not 200 } refusal)
        {
            refusals.Enqueue(refusal);
            await Task.Delay(50);
        }
    }
}
