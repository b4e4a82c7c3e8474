using System.Diagnostics;
using System.Globalization;
using MetricsFunctions.Benchmarks.Compare;
using Npgsql;

namespace MetricsFunctions.Benchmarks.Race;

/// <summary>PostgreSQL with its defaults behind <see cref="PostgreSqlEndpoint"/>.</summary>
sealed class PostgreSql() : Racer("PostgreSQL", new DebianPackage("bookworm", "postgresql-15", "usr/lib/postgresql/15/bin/postgres"))
{
    const string User = "race";

    // It refuses to be root.
    static readonly string[] AsNobody = Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [];

    NpgsqlDataSource? _database;

    public override string Answer => "committed, fsynced";

    public override string Disk => "the table with its index, after `CHECKPOINT`; without the log";

    public override IReadOnlyList<ProtocolBody> Protocols { get; } = [ProtocolBody.Ndjson with { Name = "JSON", Path = PostgreSqlEndpoint.Path }];

    string Data => Path.Combine(Folder, "data");

    public override Task<long> CountAsync(CancellationToken stop) => NumberAsync("SELECT count(*) FROM samples", stop);

    public override async Task SettleAsync(CancellationToken stop)
    {
        await using var checkpoint = _database!.CreateCommand("CHECKPOINT");
        await checkpoint.ExecuteNonQueryAsync(stop);
        await RestAsync(stop);
    }

    public override Task<long> SizeAsync(CancellationToken stop) => NumberAsync("SELECT pg_total_relation_size('samples')", stop);

    public override async Task StopAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();

            // Killed, it would leave shared memory behind.
            await Command.TryRunAsync([.. AsNobody, Tool("pg_ctl"), "stop", "-m", "immediate", "-D", Data], CancellationToken.None);
        }

        await base.StopAsync();
    }

    protected override async Task StartAsync(CancellationToken stop)
    {
        if (AsNobody.Length > 0)
        {
            await Command.RunAsync(["chown", "nobody", Folder], stop);
        }

        await Command.RunAsync([.. AsNobody, Tool("initdb"), "--pgdata", Data, "--username", User, "--auth", "trust", "--encoding", "UTF8", "--no-locale"], stop);
        var port = Contenders.FreeAddress().Port;
        var connection = $"Host=127.0.0.1;Port={port};Username={User};Database=postgres;Maximum Pool Size=20;Max Auto Prepare=10";
        _database = NpgsqlDataSource.Create(connection);
        string[] postgres = [.. AsNobody, Program, "-D", Data, "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
        await AddAsync(ChildProcess.Start(new ProcessStartInfo(postgres[0], postgres[1..])), CreateTableAsync, stop);
        await AddAsync(
            ChildProcess.StartDotnet("MetricsFunctions.Benchmarks", [PostgreSqlEndpoint.Command, connection, "--urls", Root.AbsoluteUri]),
            () => GetAsync(PostgreSqlEndpoint.Path, stop),
            stop);

        async Task CreateTableAsync()
        {
            await using var table = _database.CreateCommand(PostgreSqlEndpoint.Table);
            await table.ExecuteNonQueryAsync(stop);
        }
    }

    string Tool(string name) => Path.Combine(Path.GetDirectoryName(Program)!, name);

    async Task<long> NumberAsync(string sql, CancellationToken stop)
    {
        await using var command = _database!.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(stop), CultureInfo.InvariantCulture);
    }
}
