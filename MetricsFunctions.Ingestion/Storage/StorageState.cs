using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.Logging;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Whether samples can be stored just now; logs a line for each change and none per request.</summary>
/// <param name="logger">Where the lines go.</param>
/// <param name="time">The clock.</param>
sealed partial class StorageState(ILogger logger, TimeProvider time)
{
    // Whoever is told by a readiness probe sends nothing more, so only time can tell it that it is worth another try.
    static readonly TimeSpan Recent = TimeSpan.FromSeconds(10);

    Failure? _last;

    /// <summary>Why the last INSERT was not stored; <see langword="null"/> when it was.</summary>
    public StorageFault? Fault => Volatile.Read(ref _last)?.Fault;

    /// <summary>The same, but <see langword="null"/> when nothing has failed for ten seconds.</summary>
    public StorageFault? RecentFault => Volatile.Read(ref _last) is { } last && time.GetElapsedTime(last.At) < Recent ? last.Fault : null;

    public void Stored()
    {
        if (Interlocked.Exchange(ref _last, null) is not null)
        {
            LogStored();
        }
    }

    public void Failed(StorageFault fault, Exception exception)
    {
        if (Interlocked.Exchange(ref _last, new Failure(fault, time.GetTimestamp()))?.Fault.Brief != fault.Brief)
        {
            LogFailed(fault == StorageFault.Unexpected ? exception : null, fault.Brief, fault.Advice, exception.Message);
        }
    }

    [LoggerMessage(
        EventId = LogEvents.SamplesNotStored, EventName = nameof(LogEvents.SamplesNotStored), Level = LogLevel.Error,
        Message = "Samples cannot be stored: {Brief}. {Advice} ({Message})")]
    partial void LogFailed(Exception? unexpected, string brief, string advice, string message);

    [LoggerMessage(
        EventId = LogEvents.SamplesStored, EventName = nameof(LogEvents.SamplesStored), Level = LogLevel.Information,
        Message = "Samples are stored again")]
    partial void LogStored();

    sealed record Failure(StorageFault Fault, long At);
}
