using Microsoft.Extensions.Logging;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Whether samples can be stored just now; logs a line for each change and none per request.</summary>
/// <param name="logger">Where the lines go.</param>
sealed partial class StorageState(ILogger logger)
{
    StorageFault? _fault;

    public StorageFault? Fault => Volatile.Read(ref _fault);

    public void Stored()
    {
        if (Interlocked.Exchange(ref _fault, null) is not null)
        {
            LogStored();
        }
    }

    public void Failed(StorageFault fault, Exception exception)
    {
        if (Interlocked.Exchange(ref _fault, fault)?.Brief != fault.Brief)
        {
            LogFailed(fault.Brief, fault.Advice, exception.Message);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "Samples cannot be stored: {Brief}. {Advice} ({Message})")]
    partial void LogFailed(string brief, string advice, string message);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "Samples are stored again")]
    partial void LogStored();
}
