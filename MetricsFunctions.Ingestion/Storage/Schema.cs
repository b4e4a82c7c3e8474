using System.Reflection;
using ClickHouse.Driver;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>The tables of <c>clickhouse/schema</c>, one statement a file, carried inside this assembly.</summary>
public static class Schema
{
    const string Prefix = "schema/";

    /// <summary>Creates what is missing; applying it again changes nothing.</summary>
    /// <param name="client">A connection whose user may create databases, tables and views.</param>
    /// <param name="cancellationToken">Stops between statements.</param>
    /// <exception cref="ClickHouseServerException">ClickHouse refused a statement.</exception>
    public static async Task ApplyAsync(IClickHouseClient client, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        var assembly = Assembly.GetExecutingAssembly();
        var names = assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal));
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            await client.ExecuteNonQueryAsync(await reader.ReadToEndAsync(cancellationToken), cancellationToken: cancellationToken);
        }
    }
}
