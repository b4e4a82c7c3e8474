using System.Diagnostics;
using System.Net.Http.Headers;
using MetricsFunctions.Ingestion.Formats.Metrics;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Benchmarks.Compare;

/// <summary>Large bodies: the time to the answer, the service and ClickHouse in turn.</summary>
/// <param name="contenders">Who is compared.</param>
/// <param name="samples">To empty and count.</param>
/// <param name="stop">Stops in the middle.</param>
sealed class BatchComparison(Contenders contenders, StoredSamples samples, CancellationToken stop)
{
    public const int WarmUps = 5;
    public const int Runs = 5;

    public static IReadOnlyList<Batch> All { get; } = [Batch.Smallest(100_000), Batch.Smallest(1_000_000), Batch.Full(100_000)];

    /// <summary>Sends a batch to a service that has just been started, and warmed up with the same batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="service">The service's process.</param>
    public async Task<BatchMeasurement> MeasureAsync(Batch batch, ChildProcess service)
    {
        var body = batch.ToBody();
        var times = (Service: new List<double>(), Straight: new List<double>());
        using var http = new HttpClient();
        for (var run = -WarmUps; run < Runs; run++)
        {
            var straight = await SendAsync(http, contenders.BatchIntoClickHouse(batch.Columns), batch, body);
            var throughService = await SendAsync(http, contenders.Service.Url, batch, body);
            if (run >= 0)
            {
                times.Straight.Add(straight);
                times.Service.Add(throughService);
            }
        }

        return new BatchMeasurement(batch, body.Length, [.. times.Service.Order()], [.. times.Straight.Order()], service.PeakResidentMemory);
    }

    /// <summary>Bytes that reading and encoding a row allocates, once warm.</summary>
    public static double AllocatedPerRow()
    {
        var batch = Batch.Full(100_000);
        var body = batch.ToBody();
        var format = new NdjsonFormat();
        var intake = new SampleIntake();
        var before = 0L;
        for (var run = 0; run < 3; run++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            intake.Begin(new AcceptedTime(DateTimeOffset.UtcNow, TimeSpan.FromDays(1)), default);
            format.Read(body, isLast: true, intake);
            Trace.Assert(intake.Block.Count == batch.Rows);
            intake.TryReset();
        }

        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / batch.Rows;
    }

    async Task<double> SendAsync(HttpClient http, Uri url, Batch batch, byte[] body)
    {
        await samples.EmptyAsync();
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        var watch = Stopwatch.StartNew();
        using var response = await http.PostAsync(url, content, stop);
        var took = watch.Elapsed.TotalMilliseconds;
        var stored = await samples.CountAsync();
        return response.IsSuccessStatusCode && stored == batch.Rows
            ? took
            : throw new ComparisonException($"{url.GetLeftPart(UriPartial.Path)} answered {response.StatusCode} to {batch.Name}, and {stored:N0} are stored.");
    }
}
