using System.Diagnostics;
using System.Net;
using MetricsFunctions.Tests.Faults;

namespace MetricsFunctions.Tests.Abuse;

/// <summary>Senders that do all as it should be done: what they feel of the others' abuse is what counts.</summary>
static class GoodClients
{
    const int Count = 8;
    const string Sample = """{"metric_name": "good", "metric_value": 1}""";

    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Sends until told to stop; each sample must be stored.</summary>
    /// <returns>The time that 99 of 100 requests took less than, in milliseconds, and the number of requests.</returns>
    public static async Task<(double P99, int Requests)> SendAsync(IPEndPoint service, CancellationToken stop)
    {
        var latencies = await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => Task.Run(() => SendOneByOneAsync(service, stop))));
        double[] sorted = [.. latencies.SelectMany(latency => latency).Order()];
        return (sorted[(int)(sorted.Length * 0.99)], sorted.Length);
    }

    static async Task<List<double>> SendOneByOneAsync(IPEndPoint service, CancellationToken stop)
    {
        using var sender = new Sender(service);
        var latencies = new List<double>();
        while (!stop.IsCancellationRequested)
        {
            var watch = Stopwatch.StartNew();
            var answer = await sender.PostAsync(Sample);
            latencies.Add(watch.Elapsed.TotalMilliseconds);
            Assert.Equal(200, answer.Status);
            await Task.Delay(Pause, CancellationToken.None);
        }

        return latencies;
    }
}
