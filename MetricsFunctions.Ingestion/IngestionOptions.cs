using MetricsFunctions.Ingestion.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion;

/// <summary>How requests are taken: the configuration section <c>Ingestion</c>.</summary>
public sealed class IngestionOptions
{
    /// <summary>Name of the configuration section.</summary>
    public const string Section = "Ingestion";

    /// <summary>
    /// Keys, one of which a request must carry: a list, in which a text is a key and an object has <c>Key</c>, <c>Sha256</c> or <c>KeyFile</c>,
    /// and if wanted a <c>Name</c> and <c>Prefixes</c>, with one of which the names of its samples have to begin.
    /// </summary>
    public IConfigurationSection? ApiKeys { get; set; }

    /// <summary>Takes requests without a key. Without this and without <see cref="ApiKeys"/> the service does not start.</summary>
    public bool AllowAnonymous { get; set; }

    /// <summary>
    /// Origins such as <c>https://app.example.org</c>, a list or one, whose pages browsers let send; <c>*</c> is every origin. Default: none.
    /// </summary>
    public IConfigurationSection? AllowedOrigins { get; set; }

    /// <summary>Largest body in bytes. Default 32 MiB; from 1 KiB to 1 GiB.</summary>
    public long MaxBodyBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>
    /// How long a body may keep the service waiting, in all; and two thirds of it until its next bytes. Then it is answered 408. What the service itself
    /// takes does not count. Default 30 s; from 1 s to 1 h.
    /// </summary>
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Bytes of memory that requests may have together, from the first bytes of a body until its samples are stored; those that have at most
    /// 256 KiB have half as much beside for themselves. Beyond it requests are answered 503; one whose samples alone come to more, each with its
    /// name and all its tags, is answered 413. Default 128 MiB; from 64 KiB to 16 GiB.
    /// </summary>
    public long MaxPendingBytes { get; set; } = 128 * 1024 * 1024;

    /// <summary>
    /// How long an INSERT may take, and as long a request may wait before for its INSERT to begin, and as long before that the service may take to read it,
    /// not counting the time in which it waits for the sender; then it is answered 503. Default 10 s; from 100 ms to 10 min.
    /// </summary>
    public TimeSpan WriteTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether this is the only instance that writes to its ClickHouse. Then it knows by itself which requests it has stored, and those with
    /// an <c>Idempotency-Key</c>, remote write and OTLP share INSERTs with others instead of being one each. Default: no, but yes for Standalone
    /// with its embedded ClickHouse. Two instances that both believe it, be it for a moment while one replaces the other, may store a
    /// request twice that was sent to both.
    /// </summary>
    public bool SingleInstance { get; set; }

    /// <summary>
    /// Oldest accepted <c>timestamp</c>. Default 1,825 days, the TTL of <c>metrics.samples</c>: an older row would be dropped by the table
    /// at once. From 1 min to 3,000 days.
    /// </summary>
    public TimeSpan MaxSampleAge { get; set; } = TimeSpan.FromDays(1825);
}

/// <summary>Refuses a configuration that cannot work, with what to set instead.</summary>
sealed class IngestionOptionsValidator : IValidateOptions<IngestionOptions>
{
    public ValidateOptionsResult Validate(string? name, IngestionOptions options)
    {
        var faults = new ValidateOptionsResultBuilder();
        var listFaults = new List<string>();
        if (ApiKey.ReadAll(options.ApiKeys, listFaults).Length == 0 && listFaults.Count == 0 && !options.AllowAnonymous)
        {
            listFaults.Add("No API key is configured. Set Ingestion:ApiKeys (environment: Ingestion__ApiKeys__0=<key>), "
                + "or Ingestion:AllowAnonymous=true (Ingestion__AllowAnonymous=true) to take requests from everyone.");
        }

        Cors.ReadAll(options.AllowedOrigins, listFaults);
        listFaults.ForEach(fault => faults.AddError(fault));
        Range(nameof(options.MaxBodyBytes), options.MaxBodyBytes, 1024, 1L << 30);
        Range(nameof(options.BodyTimeout), options.BodyTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        Range(nameof(options.MaxPendingBytes), options.MaxPendingBytes, 64 * 1024, 1L << 34);
        Range(nameof(options.WriteTimeout), options.WriteTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10));
        Range(nameof(options.MaxSampleAge), options.MaxSampleAge, TimeSpan.FromMinutes(1), TimeSpan.FromDays(3000));
        return faults.Build();

        void Range<T>(string setting, T value, T least, T most)
            where T : IComparable<T>
        {
            if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            {
                faults.AddError($"Ingestion:{setting} is {value}. Set it to a value from {least} to {most}.");
            }
        }
    }
}
