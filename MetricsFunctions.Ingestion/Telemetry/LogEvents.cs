namespace MetricsFunctions.Ingestion.Telemetry;

/// <summary>
/// The numbers of what is logged, in every host; docs/operations.md says what to do about each. Alerts go by them and by their names, so they stay
/// as they are, and one that is given up is not used again.
/// </summary>
public static class LogEvents
{
    /// <summary>ClickHouse does not store, or does not any more.</summary>
    public const int SamplesNotStored = 1;

    /// <summary>ClickHouse stores again.</summary>
    public const int SamplesStored = 2;

    /// <summary>A defect of this service.</summary>
    public const int RequestFailed = 10;

    /// <summary>A sender's samples were refused.</summary>
    public const int SamplesRefused = 11;

    /// <summary>Other API keys than before are taken.</summary>
    public const int ApiKeysChanged = 20;

    /// <summary>New settings cannot work.</summary>
    public const int SettingsRefused = 21;

    /// <summary>The embedded ClickHouse is no more.</summary>
    public const int EmbeddedClickHouseExited = 100;

    /// <summary>A settings file is not JSON.</summary>
    public const int SettingsUnreadable = 101;

    /// <summary>The service listens.</summary>
    public const int Started = 102;
}
