namespace MetricsFunctions.EmbeddedClickHouse;

/// <summary>Where an embedded ClickHouse server keeps its data and listens, and how safe it keeps them.</summary>
public sealed record ClickHouseServerOptions
{
    /// <summary>
    /// The folder of the data and of the server's log; created when missing. One server at a time can use it. A relative path is below the
    /// current folder, which for Standalone is that of its settings.
    /// </summary>
    public required string DataPath { get; init; }

    /// <summary>The port of the HTTP interface on 127.0.0.1, 0 to 65535; 0, the default, takes a free one.</summary>
    public int HttpPort { get; init; }

    /// <summary>The port of the native protocol on 127.0.0.1, 0 to 65535; 0, the default, takes a free one.</summary>
    public int TcpPort { get; init; }

    /// <summary>Whether an INSERT is answered only when what it has written is on the disk, so that it outlives a power cut; by default not.</summary>
    public bool Fsync { get; init; }

    /// <summary>The folder of <c>config.xml</c>, <c>start.sql</c>, <c>users.xml</c> and, if any, <c>config.d</c> and <c>users.d</c>; by default the program's own.</summary>
    public string ConfigurationPath { get; init; } = Path.Combine(AppContext.BaseDirectory, "server");
}
