using System.Net.Sockets;
using System.Security.Authentication;
using ClickHouse.Driver;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Why samples cannot be stored, and what to do about it.</summary>
/// <param name="Kind">For metrics and traces: its name (<c>error.type</c>).</param>
/// <param name="Brief">For the client: what is wrong, in a clause.</param>
/// <param name="Advice">For the operator: what to do.</param>
/// <param name="PassesByItself">Whether trying the same INSERT again a moment later can succeed without anyone doing anything.</param>
sealed record StorageFault(string Kind, string Brief, string Advice, bool PassesByItself)
{
    /// <summary>ClickHouse did not answer in time.</summary>
    public static readonly StorageFault Timeout = new(
        "timeout",
        "ClickHouse did not answer in time",
        "See what it is busy with (system.processes), or raise Ingestion:WriteTimeout.",
        PassesByItself: true);

    /// <summary>The service is going down.</summary>
    public static readonly StorageFault Stopping = new(
        "stopping",
        "the service is stopping",
        "Send to another instance, or again when it is back.",
        PassesByItself: true);

    /// <summary>Nobody foresaw it.</summary>
    public static readonly StorageFault Unexpected = new(
        "unexpected",
        "an unexpected fault",
        "Please report it with the stack trace behind it.",
        PassesByItself: false);

    static readonly StorageFault Unreachable = new(
        "unreachable",
        "ClickHouse cannot be reached",
        "Check that it runs and that host, port and protocol in ConnectionStrings:ClickHouse are right.",
        PassesByItself: true);

    static readonly StorageFault NoTable = new(
        "no_table",
        "the table metrics.samples, or one that a view on it fills, does not exist",
        "Apply the files of clickhouse/schema to the server in ConnectionStrings:ClickHouse, in the order of their names.",
        PassesByItself: false);

    static readonly StorageFault WrongSchema = new(
        "wrong_schema",
        "a column of metrics.samples, or of a view on it, is missing or of another type",
        "Apply clickhouse/upgrade.sql if the table is one of an earlier version, and the files of clickhouse/schema, in the order of their names;"
        + " mend or drop a view of your own.",
        PassesByItself: false);

    static readonly StorageFault Unauthorized = new(
        "unauthorized",
        "ClickHouse refuses the service's user or password",
        "Correct Username and Password in ConnectionStrings:ClickHouse.",
        PassesByItself: false);

    static readonly StorageFault NoGrant = new(
        "no_grant",
        "ClickHouse does not let the service's user insert",
        "Grant it: GRANT INSERT ON metrics.samples TO <user>; and for Ingestion:SingleInstance GRANT SELECT(metric_name, timestamp, received_at, request_id) ON metrics.samples TO <user>"
        + " and GRANT SELECT(query_id, query_kind, user) ON system.processes TO <user>.",
        PassesByItself: false);

    static readonly StorageFault ReadOnly = new(
        "read_only",
        "ClickHouse is read-only",
        "For a user: set readonly=0 in its profile. For a table: reset its setting table_readonly, or, if it is replicated, bring its Keeper back.",
        PassesByItself: true);

    static readonly StorageFault DiskFull = new(
        "disk_full",
        "ClickHouse is out of disk space",
        "Free or add disk, or shorten the TTL of metrics.samples.",
        PassesByItself: true);

    static readonly StorageFault TooManyParts = new(
        "too_many_parts",
        "ClickHouse cannot merge as fast as it is written to",
        "See system.merges and system.parts; fewer, larger requests or more instances' worth of disk speed help.",
        PassesByItself: true);

    static readonly StorageFault OutOfMemory = new(
        "out_of_memory",
        "ClickHouse is out of memory",
        "Raise max_server_memory_usage or the limits of the service's user, or send smaller requests.",
        PassesByItself: true);

    static readonly StorageFault ShardUnreachable = new(
        "shard_unreachable",
        "a shard of the ClickHouse cluster cannot be reached",
        "Check that one of its replicas runs; system.clusters says which they are and errors_count which fail.",
        PassesByItself: true);

    static readonly StorageFault KeeperUnreachable = new(
        "keeper_unreachable",
        "ClickHouse cannot reach its Keeper",
        "Check that most of the Keeper servers run; replicated tables take no INSERT without them.",
        PassesByItself: true);

    static readonly StorageFault TooFewReplicas = new(
        "too_few_replicas",
        "too few replicas of a shard have the INSERT",
        "Bring the others back (system.replicas), or lower insert_quorum for the service's user.",
        PassesByItself: true);

    // What is wrong with the certificate is in the cause alone.
    static StorageFault NoTls(AuthenticationException cause) => new(
        "untrusted_certificate",
        "the TLS certificate of ClickHouse is not trusted, or it does not speak TLS",
        $"{cause.Message.TrimEnd('.')}. Check that Host in ConnectionStrings:ClickHouse is a name in the certificate, that Port is the one for HTTPS, "
        + "and that this machine trusts who issued it; for an authority of your own, set SSL_CERT_FILE to its certificate.",
        PassesByItself: false);

    // The log is told which host it was, in what was thrown, and senders are not.
    static StorageFault NotClickHouse(int status) => new(
        $"proxy_{status}",
        $"a proxy, or another server that is not ClickHouse, answered with status {status}",
        status switch
        {
            401 or 403 or 407 => "Have the proxy in front of ClickHouse let the service in; its log says why it does not.",
            413 => "Have the proxy in front of ClickHouse let bodies of any size through (nginx: client_max_body_size 0).",
            408 or 429 or >= 500 => "Check that ClickHouse runs behind the proxy and answers within the time that it gives; its log says more.",
            _ => "Check that Host, Port, Protocol and Path in ConnectionStrings:ClickHouse lead to ClickHouse's HTTP interface.",
        },
        PassesByItself: status is 408 or 429 or >= 500);

    /// <summary>
    /// Whether nothing of an INSERT into one month can be in the table, now or later, that threw this: it did not reach ClickHouse, or
    /// ClickHouse itself refused it.
    /// </summary>
    /// <param name="exception">What was thrown.</param>
    public static bool LeavesNothing(Exception exception) => exception switch
    {
        // Given up by ClickHouse at some moment, be it behind the commit.
        ClickHouseServerException e when (ClickHouseError)e.ErrorCode is ClickHouseError.TimeoutExceeded or ClickHouseError.QueryWasCancelled => false,
        // Committed in the table that the view is on.
        ClickHouseServerException e when e.Message.Contains("while pushing to view", StringComparison.Ordinal) => false,
        ClickHouseServerException => true,
        // Refused on the way; with any other status a proxy may have sent it on before.
        HttpRequestException { StatusCode: { } status } => (int)status is >= 300 and < 500 and not 408,
        HttpRequestException e => e.HttpRequestError
            is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError,
        _ => false,
    };

    /// <summary>Classifies what an INSERT threw.</summary>
    /// <param name="exception">What was thrown.</param>
    public static StorageFault Of(Exception exception) => exception switch
    {
        ClickHouseServerException e => Of(e),
        OperationCanceledException or TimeoutException => Timeout,
        HttpRequestException { InnerException: AuthenticationException cause } => NoTls(cause),
        HttpRequestException { StatusCode: { } status } => NotClickHouse((int)status),
        HttpRequestException or IOException or SocketException => Unreachable,
        _ => Unexpected,
    };

    static StorageFault Of(ClickHouseServerException exception) => (ClickHouseError)exception.ErrorCode switch
    {
        ClickHouseError.UnknownTable or ClickHouseError.UnknownDatabase => NoTable,

        // An empty INSERT meets some of these, and one with rows the rest, in ClickHouse's conversion of a column or in a view.
        ClickHouseError.NoSuchColumnInTable or ClickHouseError.UnknownIdentifier or ClickHouseError.IllegalTypeOfArgument or ClickHouseError.IllegalColumn
            or ClickHouseError.TypeMismatch or ClickHouseError.CannotConvertType or ClickHouseError.NotImplemented => WrongSchema,
        ClickHouseError.UnknownUser or ClickHouseError.WrongPassword or ClickHouseError.RequiredPassword
            or ClickHouseError.AuthenticationFailed => Unauthorized,
        ClickHouseError.AccessDenied => NoGrant,
        ClickHouseError.Readonly or ClickHouseError.TableIsReadOnly or ClickHouseError.TableIsPermanentlyReadOnly => ReadOnly,
        ClickHouseError.NotEnoughSpace => DiskFull,

        // CANNOT_OPEN_FILE or STD_EXCEPTION, as out of inodes, and others say in words alone that it is the disk.
        _ when exception.Message.Contains("No space left on device", StringComparison.Ordinal) => DiskFull,
        ClickHouseError.TooManyParts => TooManyParts,
        ClickHouseError.MemoryLimitExceeded => OutOfMemory,
        ClickHouseError.SocketTimeout or ClickHouseError.NetworkError or ClickHouseError.AllConnectionTriesFailed => ShardUnreachable,
        ClickHouseError.NoZookeeper or ClickHouseError.KeeperException => KeeperUnreachable,
        ClickHouseError.TooFewLiveReplicas or ClickHouseError.UnsatisfiedQuorumForPreviousWrite or ClickHouseError.UnknownStatusOfInsert => TooFewReplicas,
        ClickHouseError.TimeoutExceeded => Timeout,
        var other => new(
            $"clickhouse_{(int)other}",
            $"ClickHouse answered with error {(int)other}",
            "Look the code up in system.errors and in ClickHouse's log.",
            PassesByItself: true),
    };
}

/// <summary>Samples could not be stored; the sender should try again.</summary>
/// <param name="fault">What is wrong.</param>
/// <param name="cause">What was thrown, if anything was.</param>
sealed class StorageUnavailableException(StorageFault fault, Exception? cause = null) : Exception(fault.Brief, cause)
{
    /// <summary>What is wrong and what to do.</summary>
    public StorageFault Fault { get; } = fault;

    /// <summary>Whether the samples, or some of them, may be stored all the same; otherwise none is, nor ever will be.</summary>
    public bool MayBeStored { get; init; }
}
