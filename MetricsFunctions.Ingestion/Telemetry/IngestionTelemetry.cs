using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Telemetry;

/// <summary>
/// What the service tells of itself: one meter and one activity source, with the names, units and attributes of OpenTelemetry's semantic
/// conventions where there are any. docs/operations.md lists them. While nobody listens, a measurement costs a test for null.
/// </summary>
sealed class IngestionTelemetry
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "MetricsFunctions";

    const string Protocol = "metrics_functions.protocol";
    const string Lane = "metrics_functions.lane";
    const string ApiKey = "metrics_functions.api_key";
    const string StatusCode = "http.response.status_code";
    const string ErrorType = "error.type";
    const int FirstStatus = 100;
    const int LastStatus = 599;

    // So that a measurement does not box its status.
    static readonly object[] Statuses = [.. Enumerable.Range(FirstStatus, LastStatus - FirstStatus + 1).Select(status => (object)status)];

    static readonly string[] Kinds = [.. Enum.GetNames<FaultKind>().Select(name => name.ToLowerInvariant())];

    static readonly KeyValuePair<string, object?> DbSystem = new("db.system.name", "clickhouse");
    static readonly KeyValuePair<string, object?> DbOperation = new("db.operation.name", "INSERT");
    static readonly KeyValuePair<string, object?> DbCollection = new("db.collection.name", "metrics.samples");

    // Finer at the low end than the conventions have it: most requests and INSERTs take milliseconds.
    static readonly InstrumentAdvice<double> Seconds =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    static readonly InstrumentAdvice<long> Samples =
        new() { HistogramBucketBoundaries = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000] };

    readonly Histogram<double> _requestDuration;
    readonly Counter<long> _bodyBytes;
    readonly Counter<long> _samples;
    readonly Counter<long> _skipped;
    readonly Counter<long> _refused;
    readonly Histogram<double> _insertDuration;
    readonly Histogram<long> _insertSamples;
    readonly Counter<long> _retries;
    ImmutableArray<QueueGauge> _queues = [];

    /// <summary>Makes the instruments.</summary>
    /// <param name="meters">Makes the meter.</param>
    public IngestionTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(new MeterOptions(Name) { Version = Version });
        _requestDuration = meter.CreateHistogram(
            "metrics_functions.request.duration", "s", "Duration of requests that bring samples, from their head to their answer.", advice: Seconds);
        _bodyBytes = meter.CreateCounter<long>("metrics_functions.request.body.io", "By", "Bytes of bodies, as they were sent.");
        _samples = meter.CreateCounter<long>("metrics_functions.samples", "{sample}", "Samples that were stored and acknowledged.");
        _skipped = meter.CreateCounter<long>(
            "metrics_functions.skipped", "{value}", "Values of acknowledged requests that were left out because they are no samples.");
        _refused = meter.CreateCounter<long>(
            "metrics_functions.refused", "{sample}", "Samples that were refused, as their protocol counts them: lines, samples, histograms, data points; in JSON faults.");
        _insertDuration = meter.CreateHistogram(
            "db.client.operation.duration", "s", "Duration of INSERTs, each attempt by itself.", advice: Seconds);
        _insertSamples = meter.CreateHistogram(
            "metrics_functions.insert.samples", "{sample}", "Samples that an INSERT stored together.", advice: Samples);
        _retries = meter.CreateCounter<long>("metrics_functions.insert.retries", "{retry}", "INSERTs that were tried again.");
        meter.CreateObservableUpDownCounter(
            "metrics_functions.queue.usage", () => Measure(queue => queue.Bytes()), "By", "Memory of requests, from the first bytes of a body until its samples are stored.");
        meter.CreateObservableUpDownCounter(
            "metrics_functions.queue.limit", () => Measure(queue => queue.Limit), "By", "Memory that requests may have; more are answered 503.");
        meter.CreateObservableUpDownCounter(
            "metrics_functions.queue.requests", () => Measure(queue => queue.Requests()), "{request}", "Requests whose samples wait.");
    }

    /// <summary>Version of the service.</summary>
    public static string Version { get; } =
        typeof(IngestionTelemetry).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    static ActivitySource Activities { get; } = new(Name, Version);

    /// <summary>Whether anybody wants spans.</summary>
    public static bool IsTraced => Activities.HasListeners();

    /// <summary>Begins the span of an INSERT that several requests share.</summary>
    /// <param name="requests">The spans of the requests.</param>
    /// <param name="samples">How many samples it stores.</param>
    public static Activity? StartInsert(IEnumerable<ActivityLink>? requests, int samples) => Activities.StartActivity(
        "INSERT metrics.samples",
        ActivityKind.Client,
        parentContext: default,
        IsTraced ? [DbSystem, DbOperation, DbCollection, new("db.operation.batch.size", samples)] : null,
        requests);

    /// <summary>Ends the span of an INSERT.</summary>
    /// <param name="insert">The span.</param>
    /// <param name="error">The kind of fault that it was given up for; null when it is stored.</param>
    public static void EndInsert(Activity? insert, string? error)
    {
        if (error is not null)
        {
            insert?.SetTag(ErrorType, error).SetStatus(ActivityStatusCode.Error);
        }

        insert?.Dispose();
    }

    /// <summary>Notes a request.</summary>
    /// <param name="took">How long it took.</param>
    /// <param name="protocol">What was spoken.</param>
    /// <param name="status">How it was answered; null when nobody was there any more to answer.</param>
    /// <param name="reason">Why its samples are not stored; null when they are.</param>
    public void RequestEnded(TimeSpan took, string protocol, int? status, string? reason)
    {
        if (!_requestDuration.Enabled)
        {
            return;
        }

        var tags = new TagList { { Protocol, protocol } };
        if (status is >= FirstStatus and <= LastStatus)
        {
            tags.Add(StatusCode, Statuses[status.Value - FirstStatus]);
        }

        if (reason is not null)
        {
            tags.Add(ErrorType, reason);
        }

        _requestDuration.Record(took.TotalSeconds, tags);
    }

    /// <summary>Notes what arrived of a body.</summary>
    /// <param name="bytes">How much.</param>
    public void BodyRead(long bytes) => _bodyBytes.Add(bytes);

    /// <summary>Notes the samples of a request that are stored.</summary>
    /// <param name="protocol">What was spoken.</param>
    /// <param name="samples">How many there are.</param>
    public void SamplesStored(string protocol, int samples) => _samples.Add(samples, new KeyValuePair<string, object?>(Protocol, protocol));

    /// <summary>Notes values that were left out.</summary>
    /// <param name="protocol">What was spoken.</param>
    /// <param name="values">How many.</param>
    public void ValuesSkipped(string protocol, int values)
    {
        if (values > 0)
        {
            _skipped.Add(values, new KeyValuePair<string, object?>(Protocol, protocol));
        }
    }

    /// <summary>Notes samples that were refused.</summary>
    /// <param name="protocol">What was spoken.</param>
    /// <param name="key">Name of the API key; null without one.</param>
    /// <param name="kind">What their fault is about.</param>
    /// <param name="count">How many.</param>
    public void SamplesRefused(string protocol, string? key, FaultKind kind, int count) => _refused.Add(
        count, new(Protocol, protocol), new(ApiKey, key), new(ErrorType, Kinds[(int)kind]));

    /// <summary>Notes an INSERT that ClickHouse has committed.</summary>
    /// <param name="took">How long it took.</param>
    /// <param name="samples">How many samples it stored.</param>
    public void InsertStored(TimeSpan took, int samples)
    {
        _insertDuration.Record(took.TotalSeconds, DbSystem, DbOperation, DbCollection);
        _insertSamples.Record(samples);
    }

    /// <summary>Notes an INSERT that failed.</summary>
    /// <param name="took">How long it took.</param>
    /// <param name="error">The kind of fault.</param>
    public void InsertFailed(TimeSpan took, string error) => _insertDuration.Record(
        took.TotalSeconds, new TagList { DbSystem, DbOperation, DbCollection, { ErrorType, error } });

    /// <summary>Notes that an INSERT is tried once more.</summary>
    /// <param name="error">The kind of fault that makes it necessary.</param>
    public void InsertRetried(string error) => _retries.Add(1, new KeyValuePair<string, object?>(ErrorType, error));

    /// <summary>Shows a queue to whoever asks how full it is.</summary>
    public void Show(QueueGauge queue) => _queues = _queues.Add(queue);

    IEnumerable<Measurement<long>> Measure(Func<QueueGauge, long> value) =>
        _queues.Select(queue => new Measurement<long>(value(queue), new KeyValuePair<string, object?>(Lane, queue.Lane)));
}

/// <summary>How much is in hand of the small requests, or of the large ones.</summary>
/// <param name="Lane">Which of them.</param>
/// <param name="Limit">Bytes of memory that they may have.</param>
/// <param name="Bytes">Answers how many they have.</param>
/// <param name="Requests">Answers how many of them wait for ClickHouse.</param>
sealed record QueueGauge(string Lane, long Limit, Func<long> Bytes, Func<long> Requests);
