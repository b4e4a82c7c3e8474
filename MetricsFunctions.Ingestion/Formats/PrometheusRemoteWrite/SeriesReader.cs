using System.Diagnostics.CodeAnalysis;
using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;

/// <summary>
/// Reads the time series of a request, in what both versions have alike: the label <c>__name__</c> is the metric's name, the others are
/// tags. A series whose labels have a fault is left out, and so is a sample or a histogram by itself. Faults are told by indices, since names are
/// the sender's own.
/// </summary>
ref struct SeriesReader
{
    /// <summary>Bytes of working memory that a reader needs.</summary>
    public const int Scratch = NameRoom + DecimalNumber.Room;

    // Fields of a time series, and of a sample. Histograms and exemplars are another field in each version.
    const int Samples = 2;
    const int Value = 1;
    const int Timestamp = 2;

    const int LongestSuffix = 7;
    const int NameRoom = SampleRules.MaxNameBytes;

    readonly SampleIntake _intake;
    readonly SampleBlock _block;
    readonly Refusals _refusals;
    readonly int _histogramsField;
    readonly int _exemplarsField;
    readonly Span<byte> _suffixed;
    readonly Span<byte> _bound;
    readonly Span<Bucket> _buckets;

    SentCounts _sent;
    ReadOnlySpan<byte> _name;
    bool _hasName;
    (FaultKind Kind, string Place, string Clause)? _fault;
    bool _isOtherVersion;
    int _next;
    int _labels;
    int _samples;
    int _histograms;

    /// <summary>Makes a reader for the time series of one request.</summary>
    /// <param name="intake">Where their samples go.</param>
    /// <param name="histogramsField">Which field of a time series has its histograms.</param>
    /// <param name="exemplarsField">Which has its exemplars.</param>
    /// <param name="scratch"><see cref="Scratch"/> bytes.</param>
    /// <param name="buckets"><see cref="ClassicHistogram.Room"/> of them.</param>
    [SuppressMessage("Style", "IDE0290:Use primary constructor", Justification = "The fields are the state of the reader.")]
    public SeriesReader(SampleIntake intake, int histogramsField, int exemplarsField, Span<byte> scratch, Span<Bucket> buckets)
    {
        _intake = intake;
        _block = intake.Block;
        _refusals = intake.Refusals;
        _histogramsField = histogramsField;
        _exemplarsField = exemplarsField;
        _suffixed = scratch[..NameRoom];
        _bound = scratch.Slice(NameRoom, DecimalNumber.Room);
        _buckets = buckets;
    }

    /// <summary>Begins a time series.</summary>
    public void Begin()
    {
        _block.Tags.Clear();
        _refusals.Item = _next++;
        _name = [];
        _hasName = false;
        _fault = null;
        (_labels, _samples, _histograms) = (0, 0, 0);
    }

    /// <summary>Adds a label of the time series.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value.</param>
    public void AddLabel(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("__name__"u8))
        {
            if (_hasName)
            {
                RefuseLabel(FaultKind.Name, "is the name once more");
            }
            else if (_intake.Names.Check(value) is { } breach)
            {
                RefuseLabel(FaultKind.Name, $"is the name and {breach}");
            }

            _name = value;
            _hasName = true;
        }
        else if (!value.IsEmpty && _block.Tags.Add(name, value) is { } fault)
        {
            RefuseLabel(FaultKind.Tags, fault);
        }

        // To Prometheus, a label without a value is no label.
        _labels++;
    }

    /// <summary>Refuses the label that is to be added next, and with it the time series.</summary>
    /// <param name="kind">What the fault is about.</param>
    /// <param name="clause">What is wrong with it.</param>
    public void RefuseLabel(FaultKind kind, string clause) => _fault ??= (kind, PlaceOf("labels", _labels, ""), clause);

    /// <summary>Reads the samples and histograms of the time series, when its labels are known.</summary>
    /// <param name="message">The message <c>TimeSeries</c>.</param>
    public void ReadPoints(ReadOnlySpan<byte> message)
    {
        if (!_hasName)
        {
            _fault ??= (FaultKind.Name, "", "must have the label __name__");
        }

        var fields = new WireReader(message);
        while (fields.Next())
        {
            var isWhole = true;
            if (fields.Field == Samples)
            {
                isWhole = fields.TryReadBytes(out var sample) && AddSample(sample);
            }
            else if (fields.Field == _histogramsField)
            {
                isWhole = fields.TryReadBytes(out var histogram) && AddHistogram(histogram);
            }
            else if (fields.Field == _exemplarsField && _fault is null)
            {
                _sent.Exemplars++;
            }

            if (!isWhole)
            {
                RefuseBroken();
                return;
            }
        }

        if (_fault is { } fault && _samples + _histograms > 0)
        {
            _refusals.Add(fault.Kind, fault.Place, fault.Clause, _samples + _histograms);
        }
    }

    /// <summary>Says that the time series cannot be read.</summary>
    public readonly void RefuseBroken() =>
        _refusals.RefuseBody(FaultKind.Syntax, "is no time series: its protobuf is broken, or a field is of another type than it should be");

    /// <summary>Says that the request is one of the other version.</summary>
    public void RefuseOtherVersion()
    {
        if (!_isOtherVersion)
        {
            _refusals.Item = null;
            _refusals.RefuseBody(
                FaultKind.Syntax, "the message is not the one that the Content-Type names, but that of the other version of remote write");
        }

        _isOtherVersion = true;
    }

    /// <summary>Ends the request.</summary>
    /// <param name="isBroken">Whether it could not be read to its end.</param>
    public readonly void End(bool isBroken)
    {
        if (isBroken)
        {
            _refusals.Item = _next;
            _refusals.RefuseBody(FaultKind.Syntax, "and what is behind it cannot be read: the protobuf is broken, cut off, or another message");
        }

        _intake.Sent = _sent;
    }

    bool AddSample(ReadOnlySpan<byte> sample)
    {
        var (bits, timestamp) = (0UL, 0L);
        var fields = new WireReader(sample);
        while (fields.Next())
        {
            switch (fields.Field)
            {
                case Value:
                    bits = fields.ReadFixed64();
                    break;
                case Timestamp:
                    timestamp = (long)fields.ReadVarint();
                    break;
                default:
                    break;
            }
        }

        if (fields.IsBroken)
        {
            return false;
        }

        var index = _samples++;
        var value = BitConverter.UInt64BitsToDouble(bits);
        if (_fault is not null)
        {
            return true;
        }

        if (!double.IsFinite(value))
        {
            Skip(bits);
        }
        else if (_intake.Accepted.Check(timestamp) is { } fault)
        {
            Refuse(FaultKind.Timestamp, "samples", index, ".timestamp", fault);
            return true;
        }
        else
        {
            _block.Add(_name, value, timestamp);
        }

        _sent.Samples++;
        return true;
    }

    bool AddHistogram(ReadOnlySpan<byte> message)
    {
        var tags = _block.Tags.Length;
        var histogram = new NativeHistogram(message, _buckets);
        if (histogram.IsBroken)
        {
            return false;
        }

        var index = _histograms++;
        if (_fault is not null)
        {
            return true;
        }

        if (histogram.IsStale)
        {
            Skip(StaleMarker.Bits);
            _sent.Histograms++;
        }
        else if (histogram.Fault is { } fault)
        {
            Refuse(FaultKind.Histogram, "histograms", index, "", fault);
        }
        else if (_intake.Accepted.Check(histogram.Timestamp) is { } breach)
        {
            Refuse(FaultKind.Timestamp, "histograms", index, ".timestamp", breach);
        }
        else if (_name.Length + LongestSuffix > SampleRules.MaxNameBytes)
        {
            Refuse(FaultKind.Name, "histograms", index, "", "makes samples with names of more than 255 bytes: name_bucket, name_count and name_sum");
        }
        else if (AddBound(double.PositiveInfinity) is { } noRoom)
        {
            Refuse(FaultKind.Tags, "histograms", index, "", $"needs a label le for its buckets, which {noRoom}");
        }
        else
        {
            _block.Tags.Truncate(tags);
            AddSamplesOf(histogram);
            _sent.Histograms++;
        }

        return true;
    }

    void AddSamplesOf(NativeHistogram histogram)
    {
        if (!double.IsFinite(histogram.Sum))
        {
            _intake.Skip();
        }

        foreach (var bucket in histogram.Buckets)
        {
            AddBucket(bucket.Bound, bucket.Count, histogram.Timestamp);
        }

        AddBucket(double.PositiveInfinity, histogram.Count, histogram.Timestamp);
        Add("_count"u8, histogram.Count, histogram.Timestamp);
        if (double.IsFinite(histogram.Sum))
        {
            Add("_sum"u8, histogram.Sum, histogram.Timestamp);
        }
    }

    readonly void AddBucket(double bound, double count, long timestamp)
    {
        var tags = _block.Tags.Length;
        AddBound(bound);
        Add("_bucket"u8, count, timestamp);
        _block.Tags.Truncate(tags);
    }

    readonly string? AddBound(double bound) => _block.Tags.Add("le"u8, DecimalNumber.Write(bound, _bound, "+Inf"u8));

    readonly void Add(ReadOnlySpan<byte> suffix, double value, long timestamp)
    {
        _name.CopyTo(_suffixed);
        suffix.CopyTo(_suffixed[_name.Length..]);
        _block.Add(_suffixed[..(_name.Length + suffix.Length)], value, timestamp);
    }

    void Skip(ulong bits)
    {
        _intake.Skip();
        _sent.StaleMarkers += bits == StaleMarker.Bits ? 1 : 0;
    }

    readonly void Refuse(FaultKind kind, string list, int index, string member, string clause) =>
        _refusals.Add(kind, PlaceOf(list, index, member), clause);

    readonly string PlaceOf(string list, int index, string member) => _refusals.IsFull ? "" : $".{list}[{index}]{member}";
}
