namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>What a metric is, by the number of its data's field in the message <c>Metric</c>.</summary>
enum MetricKind
{
    Unknown = 0,
    Gauge = 5,
    Sum = 7,
    Histogram = 9,
    ExponentialHistogram = 10,
    Summary = 11,
}

/// <summary>What the points of a metric count from: the numbers of the enumeration <c>AggregationTemporality</c>.</summary>
enum Temporality
{
    Unspecified = 0,
    Delta = 1,
    Cumulative = 2,
}
