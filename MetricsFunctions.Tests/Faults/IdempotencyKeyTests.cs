using System.Net;
using MetricsFunctions.Tests.Standalone;

namespace MetricsFunctions.Tests.Faults;

/// <summary>The same key stores once, whoever sends it, when, and how often.</summary>
public sealed class IdempotencyKeyTests
{
    const int Senders = 64;

    [Fact]
    public async Task A_key_that_many_connections_send_at_once_stores_once()
    {
        await using var installation = await Installation.StartAsync();
        var senders = Enumerable.Range(0, Senders).Select(_ => new Sender(installation.Service)).ToList();
        await Task.WhenAll(senders.Select(sender => sender.ConnectAsync()));

        var rounds = Rounds.Or(2);
        for (var round = 0; round < rounds; round++)
        {
            var answers = await Task.WhenAll(senders.Select(sender => sender.PostAsync(Sample, $"key {round}")));
            Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        }

        senders.ForEach(sender => sender.Dispose());
        await AssertStoredAsync(installation, rounds);
    }

    [Fact]
    public async Task A_key_that_two_instances_get_at_once_stores_once()
    {
        await using var installation = await Installation.StartAsync();
        var other = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        using var instance = StandaloneProcess.Start(
            ("Urls", $"http://{other}"),
            ("Ingestion__AllowAnonymous", "true"),
            ("ConnectionStrings__ClickHouse", installation.ClickHouse.ConnectionString));
        await instance.StartedAsync();
        using var one = new Sender(installation.Service);
        using var two = new Sender(other);

        var rounds = Rounds.Or(10);
        for (var round = 0; round < rounds; round++)
        {
            var answers = await Task.WhenAll(one.PostAsync(Sample, $"key {round}"), two.PostAsync(Sample, $"key {round}"));
            Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        }

        await AssertStoredAsync(installation, rounds);
    }

    [Fact]
    public async Task A_key_that_many_connections_send_until_it_is_stored_outlives_a_kill_of_ClickHouse()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__WriteTimeout", "00:00:01"));
        var rounds = Rounds.Or(2);
        for (var round = 0; round < rounds; round++)
        {
            var sending = Enumerable.Range(0, Senders).Select(_ => SendUntilStoredAsync(installation, $"key {round}")).ToList();
            await installation.KillAndRestartClickHouseAsync();
            sending.AddRange(Enumerable.Range(0, Senders).Select(_ => SendUntilStoredAsync(installation, $"key {round}")));
            await Task.WhenAll(sending);
        }

        await AssertStoredAsync(installation, rounds);
    }

    [Fact]
    public async Task A_key_outlives_restarts_of_the_service_and_of_ClickHouse()
    {
        await using var installation = await Installation.StartAsync();
        await SendUntilStoredAsync(installation, "key");

        await installation.KillAndRestartServiceAsync();
        await SendUntilStoredAsync(installation, "key");

        Assert.Equal(0, await installation.Process.TerminateAsync());
        await installation.StartServiceAsync();
        await SendUntilStoredAsync(installation, "key");

        await installation.KillAndRestartClickHouseAsync();
        await SendUntilStoredAsync(installation, "key");

        await installation.ClickHouse.RestartAsync();
        await SendUntilStoredAsync(installation, "key");

        await AssertStoredAsync(installation, 1);
    }

    const string Sample = """{"metric_name": "keyed", "metric_value": 1}""";

    static async Task SendUntilStoredAsync(Installation installation, string key)
    {
        using var sender = new Sender(installation.Service);
        await Wait.UntilAsync(async () => (await sender.PostAsync(Sample, key)).Status == 200);
    }

    static async Task AssertStoredAsync(Installation installation, int times) =>
        Assert.Equal($"{times}", await installation.QueryAsync("SELECT count() FROM metrics.samples"));
}
