using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>
/// Reads the message <c>ExportMetricsServiceRequest</c>
/// (<see href="https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto"/>). A data point that cannot be stored is
/// refused by itself, with the reason; only what is no protobuf refuses the request. Fields come in any order, so each message is looked through for
/// what its points need before they are read.
/// </summary>
ref struct OtlpReader
{
    readonly SampleIntake _intake;

    PointReader _points;
    (int Resource, int Scope, int Metric, int Point) _at;
    bool _isBroken;

    /// <summary>Makes a reader for one request.</summary>
    /// <param name="intake">Where its samples go.</param>
    /// <param name="scratch"><see cref="PointReader.Scratch"/> bytes.</param>
    /// <param name="buckets"><see cref="PointReader.ScratchBuckets"/> of them.</param>
    [SuppressMessage("Style", "IDE0290:Use primary constructor", Justification = "The fields are the state of the reader.")]
    public OtlpReader(SampleIntake intake, Span<byte> scratch, Span<Bucket> buckets)
    {
        _intake = intake;
        _points = new PointReader(intake, scratch, buckets);
    }

    /// <summary>Reads a request.</summary>
    /// <param name="request">All of it.</param>
    public void Read(ReadOnlySpan<byte> request)
    {
        var fields = new WireReader(request);
        while (fields.Next())
        {
            if (fields.Field == OtlpFields.ExportMetricsServiceRequest.ResourceMetrics)
            {
                ReadResourceMetrics(fields.ReadBytes());
                _at.Resource++;
            }
        }

        if (_isBroken || _points.IsBroken || fields.IsBroken)
        {
            _intake.Refusals.RefuseBody(FaultKind.Syntax, "is not a protobuf message ExportMetricsServiceRequest, or not all of it");
        }
    }

    void ReadResourceMetrics(ReadOnlySpan<byte> message)
    {
        _points.BeginResource(FindLast(message, OtlpFields.ResourceMetrics.Resource));
        _at.Scope = 0;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            if (fields.Field == OtlpFields.ResourceMetrics.ScopeMetrics)
            {
                ReadScopeMetrics(fields.ReadBytes());
                _at.Scope++;
            }
        }

        _isBroken |= fields.IsBroken;
    }

    void ReadScopeMetrics(ReadOnlySpan<byte> message)
    {
        _points.BeginScope(FindLast(message, OtlpFields.ScopeMetrics.Scope), FindLast(message, OtlpFields.ScopeMetrics.SchemaUrl));
        _at.Metric = 0;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            if (fields.Field == OtlpFields.ScopeMetrics.Metrics)
            {
                ReadMetric(fields.ReadBytes());
                _at.Metric++;
            }
        }

        _isBroken |= fields.IsBroken;
    }

    ReadOnlySpan<byte> FindLast(ReadOnlySpan<byte> message, int field)
    {
        ReadOnlySpan<byte> last = [];
        var fields = new WireReader(message);
        while (fields.Next())
        {
            last = fields.Field == field ? fields.ReadBytes() : last;
        }

        _isBroken |= fields.IsBroken;
        return last;
    }

    void ReadMetric(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> name = [];
        ReadOnlySpan<byte> unit = [];
        ReadOnlySpan<byte> data = [];
        var kind = MetricKind.Unknown;
        var fields = new WireReader(message);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case OtlpFields.Metric.Name:
                    name = fields.ReadBytes();
                    break;
                case OtlpFields.Metric.Unit:
                    unit = fields.ReadBytes();
                    break;
                case (int)MetricKind.Gauge or (int)MetricKind.Sum or (int)MetricKind.Histogram or (int)MetricKind.ExponentialHistogram or (int)MetricKind.Summary:
                    kind = (MetricKind)fields.Field;
                    data = fields.ReadBytes();
                    break;
                default:
                    break;
            }
        }

        _isBroken |= fields.IsBroken;
        if (kind == MetricKind.Unknown)
        {
            _intake.Warning ??= "A metric has no data, or of a kind that is not known here.";
            return;
        }

        BeginMetric(name, unit, kind, data);
        _at.Point = 0;
        fields = new WireReader(data);
        while (fields.Next())
        {
            if (fields.Field == OtlpFields.Data.DataPoints)
            {
                ReadPoint(fields.ReadBytes());
                _at.Point++;
            }
        }

        _isBroken |= fields.IsBroken;
    }

    void BeginMetric(ReadOnlySpan<byte> name, ReadOnlySpan<byte> unit, MetricKind kind, ReadOnlySpan<byte> data)
    {
        var temporality = Temporality.Unspecified;
        var isMonotonic = false;
        var fields = new WireReader(data);
        while (kind is not (MetricKind.Gauge or MetricKind.Summary) && fields.Next())
        {
            if (fields.Field == OtlpFields.Data.AggregationTemporality)
            {
                temporality = (Temporality)fields.ReadVarint();
            }
            else if (fields.Field == OtlpFields.Data.IsMonotonic && kind == MetricKind.Sum)
            {
                isMonotonic = fields.ReadVarint() != 0;
            }
        }

        _isBroken |= fields.IsBroken;
        _points.BeginMetric(name, unit, kind, temporality, isMonotonic);
    }

    void ReadPoint(ReadOnlySpan<byte> point)
    {
        _intake.Aborted.ThrowIfCancellationRequested();
        if (!_intake.Block.IsFull && _points.Read(point) is { } fault)
        {
            _intake.Refusals.Add(fault.Kind, _intake.Refusals.IsFull ? "" : PlaceOfPoint(), fault.Sentence);
        }
    }

    readonly string PlaceOfPoint() => $"/resourceMetrics/{_at.Resource}/scopeMetrics/{_at.Scope}/metrics/{_at.Metric}, point {_at.Point}";
}
