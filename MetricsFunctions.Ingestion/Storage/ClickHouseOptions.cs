using System.Data.Common;
using ClickHouse.Driver.ADO;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Which ClickHouse to write to, and how: the connection string and the configuration section, both named <c>ClickHouse</c>.</summary>
public sealed class ClickHouseOptions
{
    /// <summary>Name of the connection string and of the configuration section.</summary>
    public const string Name = "ClickHouse";

    /// <summary>
    /// Connection string of ClickHouse.Driver, over HTTP or HTTPS
    /// (<see href="https://clickhouse.com/docs/integrations/csharp"/>).
    /// </summary>
    public string? ConnectionString { get; set; }

    /// <summary>
    /// Lets ClickHouse gather the INSERTs of many instances into one part (<c>async_insert</c>); the answer still waits until it is written.
    /// Default off: this service groups by itself. For dozens of instances on one ClickHouse, each with little to send.
    /// </summary>
    public bool AsyncInsert { get; set; }
}

/// <summary>Refuses a connection string that cannot work. It may hold a password, so no message repeats any of it.</summary>
sealed class ClickHouseOptionsValidator : IValidateOptions<ClickHouseOptions>
{
    const string Example = "for example Host=localhost;Port=8123;Username=ingest;Password=<password> (environment: ConnectionStrings__ClickHouse)";

    public ValidateOptionsResult Validate(string? name, ClickHouseOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.ConnectionString))
        {
            return ValidateOptionsResult.Fail($"ConnectionStrings:ClickHouse is not set. Set it, {Example}.");
        }

        try
        {
            new ClickHouseClientSettings(options.ConnectionString).Validate();

            // The driver would fall back to its default port in silence.
            var pairs = new DbConnectionStringBuilder { ConnectionString = options.ConnectionString };
            if (pairs.TryGetValue("Port", out var port) && !ushort.TryParse((string)port, out _))
            {
                return ValidateOptionsResult.Fail($"ConnectionStrings:ClickHouse cannot be read: Port is not a number. Set it, {Example}.");
            }

            return ValidateOptionsResult.Success;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException or OverflowException)
        {
            return ValidateOptionsResult.Fail($"ConnectionStrings:ClickHouse cannot be read. Write it as key=value pairs with semicolons, {Example}.");
        }
    }
}
