namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>How a field of a message is written in protobuf.</summary>
enum FieldType
{
    Message,
    String,
    Bytes,
    Double,
    Fixed64,
    SignedFixed64,
    Int64,
    UInt64,
    ZigZag32,
    Boolean,
}

/// <summary>A field of a message.</summary>
/// <param name="Name">Its name in JSON.</param>
/// <param name="Number">Its number in protobuf.</param>
/// <param name="Type">How it is written there.</param>
/// <param name="IsRepeated">Whether it is a list.</param>
/// <param name="Message">What its messages have.</param>
sealed record MessageField(byte[] Name, int Number, FieldType Type, bool IsRepeated = false, MessageSchema? Message = null);

/// <summary>What a message has.</summary>
sealed class MessageSchema
{
    MessageField[] _fields = [];

    /// <summary>Says what its fields are; they may be messages of the same kind.</summary>
    public void Set(params MessageField[] fields) => _fields = fields;

    /// <summary>Finds a field by its name in JSON.</summary>
    public MessageField? Find(ReadOnlySpan<byte> name)
    {
        foreach (var field in _fields)
        {
            if (name.SequenceEqual(field.Name))
            {
                return field;
            }
        }

        return null;
    }
}

/// <summary>
/// The messages of OTLP's metrics and those of their fields that become samples or tags
/// (<see href="https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto"/>). The others are passed over as those of
/// a newer version are.
/// </summary>
static class OtlpSchema
{
    static readonly MessageSchema AnyValue = new();

    static readonly MessageSchema KeyValue = Of(
        Field("key", OtlpFields.KeyValue.Key, FieldType.String),
        Field("value", OtlpFields.KeyValue.Value, AnyValue));

    static readonly MessageSchema Resource = Of(List("attributes", OtlpFields.Resource.Attributes, KeyValue));

    static readonly MessageSchema Scope = Of(
        Field("name", OtlpFields.InstrumentationScope.Name, FieldType.String),
        Field("version", OtlpFields.InstrumentationScope.Version, FieldType.String),
        List("attributes", OtlpFields.InstrumentationScope.Attributes, KeyValue));

    static readonly MessageSchema Number = Of(
        Field("timeUnixNano", OtlpFields.DataPoint.TimeUnixNano, FieldType.Fixed64),
        Field("asDouble", OtlpFields.NumberDataPoint.AsDouble, FieldType.Double),
        Field("asInt", OtlpFields.NumberDataPoint.AsInt, FieldType.SignedFixed64),
        List("attributes", OtlpFields.NumberDataPoint.Attributes, KeyValue),
        Field("flags", OtlpFields.NumberDataPoint.Flags, FieldType.UInt64));

    static readonly MessageSchema HistogramPoint = Of(
        Field("timeUnixNano", OtlpFields.DataPoint.TimeUnixNano, FieldType.Fixed64),
        Field("count", OtlpFields.DataPoint.Count, FieldType.Fixed64),
        Field("sum", OtlpFields.DataPoint.Sum, FieldType.Double),
        List("bucketCounts", OtlpFields.HistogramDataPoint.BucketCounts, FieldType.Fixed64),
        List("explicitBounds", OtlpFields.HistogramDataPoint.ExplicitBounds, FieldType.Double),
        List("attributes", OtlpFields.HistogramDataPoint.Attributes, KeyValue),
        Field("flags", OtlpFields.HistogramDataPoint.Flags, FieldType.UInt64),
        Field("min", OtlpFields.HistogramDataPoint.Min, FieldType.Double),
        Field("max", OtlpFields.HistogramDataPoint.Max, FieldType.Double));

    static readonly MessageSchema Buckets = Of(
        Field("offset", OtlpFields.Buckets.Offset, FieldType.ZigZag32),
        List("bucketCounts", OtlpFields.Buckets.BucketCounts, FieldType.UInt64));

    static readonly MessageSchema ExponentialPoint = Of(
        List("attributes", OtlpFields.ExponentialHistogramDataPoint.Attributes, KeyValue),
        Field("timeUnixNano", OtlpFields.DataPoint.TimeUnixNano, FieldType.Fixed64),
        Field("count", OtlpFields.DataPoint.Count, FieldType.Fixed64),
        Field("sum", OtlpFields.DataPoint.Sum, FieldType.Double),
        Field("scale", OtlpFields.ExponentialHistogramDataPoint.Scale, FieldType.ZigZag32),
        Field("zeroCount", OtlpFields.ExponentialHistogramDataPoint.ZeroCount, FieldType.Fixed64),
        Field("positive", OtlpFields.ExponentialHistogramDataPoint.Positive, Buckets),
        Field("negative", OtlpFields.ExponentialHistogramDataPoint.Negative, Buckets),
        Field("flags", OtlpFields.ExponentialHistogramDataPoint.Flags, FieldType.UInt64),
        Field("min", OtlpFields.ExponentialHistogramDataPoint.Min, FieldType.Double),
        Field("max", OtlpFields.ExponentialHistogramDataPoint.Max, FieldType.Double),
        Field("zeroThreshold", OtlpFields.ExponentialHistogramDataPoint.ZeroThreshold, FieldType.Double));

    static readonly MessageSchema Quantile = Of(
        Field("quantile", OtlpFields.ValueAtQuantile.Quantile, FieldType.Double),
        Field("value", OtlpFields.ValueAtQuantile.Value, FieldType.Double));

    static readonly MessageSchema SummaryPoint = Of(
        Field("timeUnixNano", OtlpFields.DataPoint.TimeUnixNano, FieldType.Fixed64),
        Field("count", OtlpFields.DataPoint.Count, FieldType.Fixed64),
        Field("sum", OtlpFields.DataPoint.Sum, FieldType.Double),
        List("quantileValues", OtlpFields.SummaryDataPoint.QuantileValues, Quantile),
        List("attributes", OtlpFields.SummaryDataPoint.Attributes, KeyValue),
        Field("flags", OtlpFields.SummaryDataPoint.Flags, FieldType.UInt64));

    static readonly MessageSchema Metric = Of(
        Field("name", OtlpFields.Metric.Name, FieldType.String),
        Field("unit", OtlpFields.Metric.Unit, FieldType.String),
        Field("gauge", (int)MetricKind.Gauge, Data(Number)),
        Field("sum", (int)MetricKind.Sum, Data(Number, Field("isMonotonic", OtlpFields.Data.IsMonotonic, FieldType.Boolean))),
        Field("histogram", (int)MetricKind.Histogram, Data(HistogramPoint)),
        Field("exponentialHistogram", (int)MetricKind.ExponentialHistogram, Data(ExponentialPoint)),
        Field("summary", (int)MetricKind.Summary, Data(SummaryPoint)));

    static readonly MessageSchema ScopeMetrics = Of(
        Field("scope", OtlpFields.ScopeMetrics.Scope, Scope),
        List("metrics", OtlpFields.ScopeMetrics.Metrics, Metric),
        Field("schemaUrl", OtlpFields.ScopeMetrics.SchemaUrl, FieldType.String));

    static readonly MessageSchema ResourceMetrics = Of(
        Field("resource", OtlpFields.ResourceMetrics.Resource, Resource),
        List("scopeMetrics", OtlpFields.ResourceMetrics.ScopeMetrics, ScopeMetrics));

    /// <summary><c>ExportMetricsServiceRequest</c>.</summary>
    public static MessageSchema Request { get; } = Of(List("resourceMetrics", OtlpFields.ExportMetricsServiceRequest.ResourceMetrics, ResourceMetrics));

    static OtlpSchema() => AnyValue.Set(
        Field("stringValue", OtlpFields.AnyValue.StringValue, FieldType.String),
        Field("boolValue", OtlpFields.AnyValue.BoolValue, FieldType.Boolean),
        Field("intValue", OtlpFields.AnyValue.IntValue, FieldType.Int64),
        Field("doubleValue", OtlpFields.AnyValue.DoubleValue, FieldType.Double),
        Field("arrayValue", OtlpFields.AnyValue.ArrayValue, Of(List("values", OtlpFields.Items.Values, AnyValue))),
        Field("kvlistValue", OtlpFields.AnyValue.KvlistValue, Of(List("values", OtlpFields.Items.Values, KeyValue))),
        Field("bytesValue", OtlpFields.AnyValue.BytesValue, FieldType.Bytes));

    // A gauge's and a summary's points count from nothing, and what else they have is passed over.
    static MessageSchema Data(MessageSchema point, params MessageField[] more) =>
        Of([List("dataPoints", OtlpFields.Data.DataPoints, point), Field("aggregationTemporality", OtlpFields.Data.AggregationTemporality, FieldType.Int64), .. more]);

    static MessageSchema Of(params MessageField[] fields)
    {
        var message = new MessageSchema();
        message.Set(fields);
        return message;
    }

    static MessageField Field(string name, int number, FieldType type) => new(Utf8(name), number, type);

    static MessageField Field(string name, int number, MessageSchema message) => new(Utf8(name), number, FieldType.Message, Message: message);

    static MessageField List(string name, int number, FieldType type) => new(Utf8(name), number, type, IsRepeated: true);

    static MessageField List(string name, int number, MessageSchema message) => new(Utf8(name), number, FieldType.Message, IsRepeated: true, message);

    static byte[] Utf8(string name) => System.Text.Encoding.UTF8.GetBytes(name);
}
