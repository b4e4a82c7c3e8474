using System.Globalization;
using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.Clients;

/// <summary>InfluxDB's own client for version 2 writes here, with nothing but the address and an API key set.</summary>
public sealed class InfluxClientTests
{
    const string ApiKey = "an-api-key";

    [Fact]
    public async Task Every_kind_of_field_arrives_once_also_what_the_client_had_to_try_again()
    {
        await using var installation = await Installation.StartAsync(("Ingestion__AllowAnonymous", "false"), ("Ingestion__ApiKeys__0", ApiKey));
        using var client = NodeClient.Start(["influx.mjs", $"http://{installation.Service}", ApiKey, "6"]);
        await Wait.UntilAsync(async () => await CountAsync(installation) > 0);

        // Refused, then nobody there, then taken.
        await installation.QueryAsync("RENAME TABLE metrics.samples TO metrics.away");
        await Wait.UntilAsync(() => Task.FromResult(installation.Process.Output.Contains("Samples cannot be stored", StringComparison.Ordinal)));
        await installation.Process.TerminateAsync();
        await installation.QueryAsync("RENAME TABLE metrics.away TO metrics.samples");
        await Wait.UntilAsync(() => Task.FromResult(client.Output.Contains("ECONNREFUSED", StringComparison.Ordinal)));
        await installation.StartServiceAsync();

        await client.ExitedAsync();
        Assert.Equal(
            """
            influx js	0.5,1,1.5,2,2.5,3
            influx js.count	1,2,3,4,5,6
            influx js.on	1,1,1,1,1,1
            influx js.size	7,7,7,7,7,7
            """,
            await installation.QueryAsync("""
                SELECT metric_name, arrayStringConcat(groupArray(metric_value), ',')
                FROM (SELECT * FROM metrics.samples ORDER BY timestamp) GROUP BY metric_name ORDER BY metric_name
                """));
        Assert.Equal("{'a, b':'c=d e','client':'influx'}", await installation.QueryAsync("SELECT DISTINCT tags FROM metrics.samples"));
    }

    static async Task<int> CountAsync(Installation installation) =>
        int.Parse(await installation.QueryAsync("SELECT count() FROM metrics.samples"), CultureInfo.InvariantCulture);
}
