using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace MetricsFunctions.Tests.Telemetry;

/// <summary>One measurement, its attributes as <c>name=value</c> in the order of their names.</summary>
sealed record Measured(string Instrument, double Value, string Attributes);

/// <summary>Everything that one host measures; those of other tests in this process are left out.</summary>
sealed class Measurements : IDisposable
{
    readonly MeterListener _listener = new();
    readonly ConcurrentQueue<Measured> _all = new();

    public Measurements(IngestionHost host)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (IsOf(host, instrument))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>The instruments of a host.</summary>
    public static List<Instrument> InstrumentsOf(IngestionHost host)
    {
        var instruments = new List<Instrument>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (IsOf(host, instrument))
            {
                instruments.Add(instrument);
            }
        };
        listener.Start();
        return instruments;
    }

    public IEnumerable<Measured> Of(string instrument) => _all.Where(measured => measured.Instrument == instrument);

    public double Sum(string instrument, string attributes = "") => Of(instrument).Where(measured => measured.Attributes == attributes).Sum(measured => measured.Value);

    /// <summary>Answers what an instrument shows when it is asked now.</summary>
    public double Ask(string instrument, string attributes)
    {
        _listener.RecordObservableInstruments();
        return Of(instrument).Last(measured => measured.Attributes == attributes).Value;
    }

    public void Dispose() => _listener.Dispose();

    static bool IsOf(IngestionHost host, Instrument instrument) =>
        instrument.Meter.Name == IngestionTelemetry.Name && instrument.Meter.Scope == host.Services.GetRequiredService<IMeterFactory>();

    void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        _all.Enqueue(new Measured(instrument.Name, value, string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}").Order(StringComparer.Ordinal))));
}
