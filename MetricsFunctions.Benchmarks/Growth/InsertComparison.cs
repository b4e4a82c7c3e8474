using System.Diagnostics;
using System.Globalization;
using System.Text;
using MetricsFunctions.Benchmarks.Compare;

namespace MetricsFunctions.Benchmarks.Growth;

/// <summary>What INSERTs through one service cost.</summary>
/// <param name="Latencies">Milliseconds to the answers to requests of one sample at one connection, in ascending order.</param>
/// <param name="Rates">Such requests a second on many connections, in ascending order.</param>
sealed record InsertCost(double[] Latencies, double[] Rates)
{
    public double Median => Statistics.Percentile(Latencies, 50);

    public double Rare => Statistics.Percentile(Latencies, 99);

    public double RowsPerSecond => Statistics.Percentile(Rates, 50);
}

/// <summary>The tables with samples and the empty ones in turn, so that what else the machine does meets both.</summary>
/// <param name="options">How much to measure.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class InsertComparison(GrowthOptions options, CancellationToken stop)
{
    public const int Connections = 64;
    public const int Loads = 3;

    /// <summary>Requests to one before it is the other's turn.</summary>
    public const int Turn = 10;

    const int WarmUps = 50;

    /// <summary>Sends to both.</summary>
    /// <returns>What each cost, and the ratio of their medians, turn by turn: the median of all turns.</returns>
    public async Task<(InsertCost Full, InsertCost Empty, double Ratio)> MeasureAsync(GrowthServer full, GrowthServer empty)
    {
        var latencies = new Dictionary<GrowthServer, List<double>> { [full] = [], [empty] = [] };
        using var http = new HttpClient();
        var sent = 0;
        while (latencies.Values.Any(one => one.Count < WarmUps + options.Requests))
        {
            foreach (var server in InTurn(full, empty, sent++))
            {
                for (var request = 0; request < Turn; request++)
                {
                    latencies[server].Add(await SendAsync(http, server.Service, latencies[server].Count));
                }
            }
        }

        var rates = new Dictionary<GrowthServer, List<double>> { [full] = [], [empty] = [] };
        for (var load = 0; load < Loads; load++)
        {
            foreach (var server in InTurn(full, empty, load))
            {
                rates[server].Add((await Wrk.RunAsync(server.Service, Connections, options.Seconds, stop)).RequestsPerSecond);
            }
        }

        double[] ratios = [.. Medians(full).Zip(Medians(empty), (ofFull, ofEmpty) => ofFull / ofEmpty).Order()];
        return (Cost(full), Cost(empty), Statistics.Percentile(ratios, 50));

        InsertCost Cost(GrowthServer server) => new([.. latencies[server].Skip(WarmUps).Order()], [.. rates[server].Order()]);

        IEnumerable<double> Medians(GrowthServer server) =>
            latencies[server].Skip(WarmUps).Chunk(Turn).Select(turn => Statistics.Percentile([.. turn.Order()], 50));
    }

    // Who comes first alternates, too.
    static GrowthServer[] InTurn(GrowthServer full, GrowthServer empty, int turn) => turn % 2 == 0 ? [full, empty] : [empty, full];

    async Task<double> SendAsync(HttpClient http, Contender service, int number)
    {
        var value = (number / 1000.0).ToString(CultureInfo.InvariantCulture);
        using var content = new StringContent(service.Sample.Replace("%s", value, StringComparison.Ordinal), Encoding.UTF8, service.MediaType);
        var watch = Stopwatch.StartNew();
        using var response = await http.PostAsync(service.Url, content, stop);
        return response.IsSuccessStatusCode
            ? watch.Elapsed.TotalMilliseconds
            : throw new ComparisonException($"{service.Name} answered {response.StatusCode}: {await response.Content.ReadAsStringAsync(stop)}");
    }
}
