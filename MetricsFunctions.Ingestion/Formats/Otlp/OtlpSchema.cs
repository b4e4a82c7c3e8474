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
        Field("key", 1, FieldType.String),
        Field("value", 2, AnyValue));

    static readonly MessageSchema Resource = Of(List("attributes", 1, KeyValue));

    static readonly MessageSchema Scope = Of(
        Field("name", 1, FieldType.String),
        Field("version", 2, FieldType.String),
        List("attributes", 3, KeyValue));

    static readonly MessageSchema Number = Of(
        Field("timeUnixNano", 3, FieldType.Fixed64),
        Field("asDouble", 4, FieldType.Double),
        Field("asInt", 6, FieldType.SignedFixed64),
        List("attributes", 7, KeyValue),
        Field("flags", 8, FieldType.UInt64));

    static readonly MessageSchema HistogramPoint = Of(
        Field("timeUnixNano", 3, FieldType.Fixed64),
        Field("count", 4, FieldType.Fixed64),
        Field("sum", 5, FieldType.Double),
        List("bucketCounts", 6, FieldType.Fixed64),
        List("explicitBounds", 7, FieldType.Double),
        List("attributes", 9, KeyValue),
        Field("flags", 10, FieldType.UInt64),
        Field("min", 11, FieldType.Double),
        Field("max", 12, FieldType.Double));

    static readonly MessageSchema Buckets = Of(
        Field("offset", 1, FieldType.ZigZag32),
        List("bucketCounts", 2, FieldType.UInt64));

    static readonly MessageSchema ExponentialPoint = Of(
        List("attributes", 1, KeyValue),
        Field("timeUnixNano", 3, FieldType.Fixed64),
        Field("count", 4, FieldType.Fixed64),
        Field("sum", 5, FieldType.Double),
        Field("scale", 6, FieldType.ZigZag32),
        Field("zeroCount", 7, FieldType.Fixed64),
        Field("positive", 8, Buckets),
        Field("negative", 9, Buckets),
        Field("flags", 10, FieldType.UInt64),
        Field("min", 12, FieldType.Double),
        Field("max", 13, FieldType.Double),
        Field("zeroThreshold", 14, FieldType.Double));

    static readonly MessageSchema Quantile = Of(
        Field("quantile", 1, FieldType.Double),
        Field("value", 2, FieldType.Double));

    static readonly MessageSchema SummaryPoint = Of(
        Field("timeUnixNano", 3, FieldType.Fixed64),
        Field("count", 4, FieldType.Fixed64),
        Field("sum", 5, FieldType.Double),
        List("quantileValues", 6, Quantile),
        List("attributes", 7, KeyValue),
        Field("flags", 8, FieldType.UInt64));

    static readonly MessageSchema Metric = Of(
        Field("name", 1, FieldType.String),
        Field("unit", 3, FieldType.String),
        Field("gauge", (int)MetricKind.Gauge, Data(Number)),
        Field("sum", (int)MetricKind.Sum, Data(Number, Field("isMonotonic", 3, FieldType.Boolean))),
        Field("histogram", (int)MetricKind.Histogram, Data(HistogramPoint)),
        Field("exponentialHistogram", (int)MetricKind.ExponentialHistogram, Data(ExponentialPoint)),
        Field("summary", (int)MetricKind.Summary, Data(SummaryPoint)));

    static readonly MessageSchema ScopeMetrics = Of(
        Field("scope", 1, Scope),
        List("metrics", 2, Metric),
        Field("schemaUrl", 3, FieldType.String));

    static readonly MessageSchema ResourceMetrics = Of(
        Field("resource", 1, Resource),
        List("scopeMetrics", 2, ScopeMetrics));

    /// <summary><c>ExportMetricsServiceRequest</c>.</summary>
    public static MessageSchema Request { get; } = Of(List("resourceMetrics", 1, ResourceMetrics));

    static OtlpSchema() => AnyValue.Set(
        Field("stringValue", 1, FieldType.String),
        Field("boolValue", 2, FieldType.Boolean),
        Field("intValue", 3, FieldType.Int64),
        Field("doubleValue", 4, FieldType.Double),
        Field("arrayValue", 5, Of(List("values", 1, AnyValue))),
        Field("kvlistValue", 6, Of(List("values", 1, KeyValue))),
        Field("bytesValue", 7, FieldType.Bytes));

    // A gauge's and a summary's points count from nothing, and what else they have is passed over.
    static MessageSchema Data(MessageSchema point, params MessageField[] more) =>
        Of([List("dataPoints", 1, point), Field("aggregationTemporality", 2, FieldType.Int64), .. more]);

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
