namespace MetricsFunctions.Standalone;

/// <summary>The embedded ClickHouse: the configuration section of that name. Nothing of it counts where there is a connection string.</summary>
sealed class EmbeddedClickHouseOptions
{
    /// <summary>Name of the configuration section.</summary>
    public const string Section = "EmbeddedClickHouse";

    /// <summary>Folder of its data; a relative one is below that of the settings.</summary>
    public string DataPath { get; set; } = "clickhouse-data";

    /// <summary>Its port for HTTP, on 127.0.0.1.</summary>
    public ushort HttpPort { get; set; } = 8123;

    /// <summary>Its port for ClickHouse's native protocol, on 127.0.0.1.</summary>
    public ushort TcpPort { get; set; } = 9000;

    /// <summary>Whether an INSERT is on the disk before it is answered.</summary>
    public bool Fsync { get; set; }
}
