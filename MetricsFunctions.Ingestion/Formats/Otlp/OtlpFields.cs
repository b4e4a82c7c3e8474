namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// The numbers of the fields that are read and written of OTLP's messages, by the names of both
/// (<see href="https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto"/>: <c>metrics/v1/metrics.proto</c>,
/// <c>resource/v1/resource.proto</c>, <c>common/v1/common.proto</c> and <c>collector/metrics/v1/metrics_service.proto</c>). A metric's data is in the field
/// of its <see cref="MetricKind"/>.
/// </summary>
static class OtlpFields
{
    public static class ExportMetricsServiceRequest
    {
        public const int ResourceMetrics = 1;
    }

    public static class ResourceMetrics
    {
        public const int Resource = 1;
        public const int ScopeMetrics = 2;
    }

    public static class Resource
    {
        public const int Attributes = 1;
    }

    public static class ScopeMetrics
    {
        public const int Scope = 1;
        public const int Metrics = 2;
        public const int SchemaUrl = 3;
    }

    public static class InstrumentationScope
    {
        public const int Name = 1;
        public const int Version = 2;
        public const int Attributes = 3;
    }

    public static class Metric
    {
        public const int Name = 1;
        public const int Unit = 3;
    }

    /// <summary>Of <c>Gauge</c>, <c>Sum</c>, <c>Histogram</c>, <c>ExponentialHistogram</c> and <c>Summary</c>, where they have it.</summary>
    public static class Data
    {
        public const int DataPoints = 1;
        public const int AggregationTemporality = 2;
        public const int IsMonotonic = 3;
    }

    /// <summary>Of every data point, where it has it.</summary>
    public static class DataPoint
    {
        public const int TimeUnixNano = 3;
        public const int Count = 4;
        public const int Sum = 5;
    }

    public static class NumberDataPoint
    {
        public const int AsDouble = 4;
        public const int AsInt = 6;
        public const int Attributes = 7;
        public const int Flags = 8;
    }

    public static class HistogramDataPoint
    {
        public const int BucketCounts = 6;
        public const int ExplicitBounds = 7;
        public const int Attributes = 9;
        public const int Flags = 10;
        public const int Min = 11;
        public const int Max = 12;
    }

    public static class ExponentialHistogramDataPoint
    {
        public const int Attributes = 1;
        public const int Scale = 6;
        public const int ZeroCount = 7;
        public const int Positive = 8;
        public const int Negative = 9;
        public const int Flags = 10;
        public const int Min = 12;
        public const int Max = 13;
        public const int ZeroThreshold = 14;
    }

    public static class Buckets
    {
        public const int Offset = 1;
        public const int BucketCounts = 2;
    }

    public static class SummaryDataPoint
    {
        public const int QuantileValues = 6;
        public const int Attributes = 7;
        public const int Flags = 8;
    }

    public static class ValueAtQuantile
    {
        public const int Quantile = 1;
        public const int Value = 2;
    }

    public static class KeyValue
    {
        public const int Key = 1;
        public const int Value = 2;
    }

    public static class AnyValue
    {
        public const int StringValue = 1;
        public const int BoolValue = 2;
        public const int IntValue = 3;
        public const int DoubleValue = 4;
        public const int ArrayValue = 5;
        public const int KvlistValue = 6;
        public const int BytesValue = 7;
    }

    /// <summary>Of <c>ArrayValue</c> and <c>KeyValueList</c>.</summary>
    public static class Items
    {
        public const int Values = 1;
    }

    public static class ExportMetricsServiceResponse
    {
        public const int PartialSuccess = 1;
    }

    public static class ExportMetricsPartialSuccess
    {
        public const int RejectedDataPoints = 1;
        public const int ErrorMessage = 2;
    }
}
