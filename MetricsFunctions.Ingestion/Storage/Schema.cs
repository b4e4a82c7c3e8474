using System.Reflection;
using ClickHouse.Driver;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>The tables of <c>clickhouse/schema</c>, one statement a file, carried inside this assembly with <c>clickhouse/upgrade.sql</c>.</summary>
public static class Schema
{
    const string Prefix = "schema/";
    const string Upgrade = "upgrade.sql";
    const string EndOfStatement = ";\n";

    // The last that the upgrade takes away of the schema before is its views, so what ended in the middle of it goes on at the next start.
    const string IsOfBefore = "SELECT count() FROM system.tables WHERE database = 'metrics' AND name = 'samples_1h'";

    /// <summary>Creates what is missing, and upgrades what an earlier version made; applying it again changes nothing.</summary>
    /// <param name="client">A connection whose user may create databases, tables and views.</param>
    /// <param name="cancellationToken">Stops between statements.</param>
    /// <exception cref="ClickHouseServerException">ClickHouse refused a statement.</exception>
    public static async Task ApplyAsync(IClickHouseClient client, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (await client.ExecuteScalarAsync(IsOfBefore, cancellationToken: cancellationToken) is not 0UL)
        {
            foreach (var statement in (await ReadAsync(Upgrade, cancellationToken)).Split(EndOfStatement, StringSplitOptions.RemoveEmptyEntries))
            {
                await client.ExecuteNonQueryAsync(statement, cancellationToken: cancellationToken);
            }
        }

        var names = Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal));
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            await client.ExecuteNonQueryAsync(await ReadAsync(name, cancellationToken), cancellationToken: cancellationToken);
        }
    }

    static async Task<string> ReadAsync(string resource, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!);
        return await reader.ReadToEndAsync(cancellationToken);
    }
}
