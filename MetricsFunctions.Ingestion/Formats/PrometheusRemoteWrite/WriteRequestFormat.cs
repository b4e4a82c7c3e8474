using MetricsFunctions.Ingestion.Formats.Protobuf;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.PrometheusRemoteWrite;

/// <summary>
/// The message <c>prometheus.WriteRequest</c> of remote write 1.0 (<see href="https://prometheus.io/docs/specs/prw/remote_write_spec/"/>).
/// Metadata and exemplars are read over.
/// </summary>
sealed class WriteRequestFormat : SampleFormat
{
    // Fields of the request, of a time series, and of a label.
    const int TimeSeries = 1;
    const int TimeSeriesOfVersion2 = 5;
    const int Labels = 1;
    const int Exemplars = 3;
    const int Histograms = 4;
    const int Name = 1;
    const int Value = 2;

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> bytes, bool isLast, SampleIntake intake)
    {
        // Fields come in any order, so a time series is known only as a whole, and so is the request.
        if (!isLast)
        {
            return 0;
        }

        // Senders tell metadata in requests without a sample.
        intake.IsList = true;
        var series = new SeriesReader(
            intake, Histograms, Exemplars, stackalloc byte[SeriesReader.Scratch], stackalloc Bucket[ClassicHistogram.Room]);
        var request = new WireReader(bytes);
        while (request.Next())
        {
            if (request.Field == TimeSeries && request.TryReadBytes(out var message))
            {
                series.Begin();
                if (ReadLabels(message, ref series))
                {
                    series.ReadPoints(message);
                }
                else
                {
                    series.RefuseBroken();
                }
            }
            else if (request.Field == TimeSeriesOfVersion2)
            {
                series.RefuseOtherVersion();
            }
        }

        series.End(request.IsBroken);
        return bytes.Length;
    }

    static bool ReadLabels(ReadOnlySpan<byte> message, ref SeriesReader series)
    {
        var fields = new WireReader(message);
        while (fields.Next())
        {
            if (fields.Field != Labels || !fields.TryReadBytes(out var label))
            {
                continue;
            }

            ReadOnlySpan<byte> name = [];
            ReadOnlySpan<byte> value = [];
            var parts = new WireReader(label);
            while (parts.Next())
            {
                switch (parts.Field)
                {
                    case Name:
                        name = parts.ReadBytes();
                        break;
                    case Value:
                        value = parts.ReadBytes();
                        break;
                    default:
                        break;
                }
            }

            if (parts.IsBroken)
            {
                return false;
            }

            series.AddLabel(name, value);
        }

        return !fields.IsBroken;
    }
}
