using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;

/// <summary>
/// The message <c>io.prometheus.write.v2.Request</c> of remote write 2.0
/// (<see href="https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/"/>), whose labels refer to a table of symbols. Metadata,
/// exemplars and the times when counters started are read over.
/// </summary>
sealed class WriteRequest2Format : SampleFormat
{
    // Fields of the request, and of a time series.
    const int TimeSeriesOfVersion1 = 1;
    const int Symbols = 4;
    const int TimeSeries = 5;
    const int LabelsRefs = 1;
    const int Histograms = 3;
    const int Exemplars = 4;

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        // Fields come in any order: the symbols may be behind what refers to them.
        if (!isLast)
        {
            return 0;
        }

        intake.IsList = true;
        var count = 0;
        var request = new WireReader(bytes);
        while (request.Next())
        {
            count += request.Field == Symbols ? 1 : 0;
        }

        using var rented = new Rented<int>(count);
        var places = rented.Span;
        count = 0;
        request = new WireReader(bytes);
        while (request.Next())
        {
            if (request.Field == Symbols)
            {
                places[count] = bytes.Length - request.BytesLeft;
                count += request.TryReadBytes(out _) ? 1 : 0;
            }
        }

        ReadSeries(bytes, places[..count], intake);
        return bytes.Length;
    }

    static void ReadSeries(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> symbols, SampleIntake intake)
    {
        var series = new SeriesReader(
            intake, Histograms, Exemplars, stackalloc byte[SeriesReader.Scratch], stackalloc Bucket[ClassicHistogram.Room]);
        var request = new WireReader(bytes);
        while (request.Next())
        {
            switch (request.Field)
            {
                case Symbols:
                    request.ReadBytes();
                    break;
                case TimeSeries when request.TryReadBytes(out var message):
                    series.Begin();
                    if (ReadLabels(message, bytes, symbols, ref series))
                    {
                        series.ReadPoints(message);
                    }
                    else
                    {
                        series.RefuseBroken();
                    }

                    break;
                case TimeSeriesOfVersion1:
                    series.RefuseOtherVersion();
                    break;
                default:
                    break;
            }
        }

        series.End(request.IsBroken);
    }

    static bool ReadLabels(ReadOnlySpan<byte> message, ReadOnlySpan<byte> bytes, ReadOnlySpan<int> symbols, ref SeriesReader series)
    {
        var references = new RepeatedField(message, LabelsRefs, WireType.Varint);
        while (references.Next(out var name))
        {
            if (!references.Next(out var value))
            {
                series.RefuseLabel(FaultKind.Syntax, "has a name and no value: labels_refs must come in pairs");
            }
            else if (name >= (ulong)symbols.Length || value >= (ulong)symbols.Length)
            {
                series.RefuseLabel(FaultKind.Syntax, "refers to a symbol that there is not");
            }
            else
            {
                series.AddLabel(Symbol(bytes, symbols[(int)name]), Symbol(bytes, symbols[(int)value]));
            }
        }

        return !references.IsBroken;
    }

    // It is known that there is one.
    static ReadOnlySpan<byte> Symbol(ReadOnlySpan<byte> bytes, int place)
    {
        bytes = bytes[place..];
        WireReader.TryReadVarint(ref bytes, out var length);
        return bytes[..(int)length];
    }
}
