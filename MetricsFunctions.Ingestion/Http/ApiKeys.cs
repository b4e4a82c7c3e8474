using System.Buffers;
using System.Text;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Who may send: anyone with one of the configured keys, in any of the ways that agents can carry one. Follows the configuration and the
/// files of keys while the service runs.
/// </summary>
sealed partial class ApiKeys : IDisposable
{
    // Files of secrets are replaced in ways that no watcher sees on every file system, such as Kubernetes' symbolic links.
    static readonly TimeSpan FilesInterval = TimeSpan.FromSeconds(2);

    static readonly Problem NoKey = Unauthorized(
        "The request carries no API key. Send it as Authorization: Bearer, Authorization: Token, the password of Authorization: Basic, or X-Api-Key.");

    static readonly Problem SeveralKeys = Unauthorized("The request carries several API keys. Send one, in one header.");
    static readonly Problem WrongKey = Unauthorized("The API key is not one of the configured ones.");

    readonly IOptionsFactory<IngestionOptions> _options;
    readonly IConfigurationSection _section;
    readonly ILogger<ApiKeys> _logger;
    readonly IDisposable _changes;
    readonly ITimer _timer;
    readonly Lock _gate = new();
    volatile Admission _admission;
    string? _fault;

    sealed record Admission(bool AllowAnonymous, ApiKey[] Keys);

    /// <summary>Takes the keys of a configuration.</summary>
    /// <param name="options">Reads and checks the configuration.</param>
    /// <param name="configuration">Tells when it changes.</param>
    /// <param name="time">The clock, for looking into files.</param>
    /// <param name="logger">Told of changes.</param>
    /// <exception cref="OptionsValidationException">The configuration cannot work.</exception>
    public ApiKeys(IOptionsFactory<IngestionOptions> options, IConfiguration configuration, TimeProvider time, ILogger<ApiKeys> logger)
    {
        _options = options;
        _section = configuration.GetSection($"{IngestionOptions.Section}:{nameof(IngestionOptions.ApiKeys)}");
        _logger = logger;
        _admission = Read();
        _changes = ChangeToken.OnChange(configuration.GetReloadToken, Reload);
        _timer = time.CreateTimer(_ => ReloadFiles(), null, FilesInterval, FilesInterval);
    }

    /// <summary>Follows the configuration no longer.</summary>
    public void Dispose()
    {
        _changes.Dispose();
        _timer.Dispose();
    }

    /// <summary>Answers <see langword="null"/> for a request that may pass. Reads none of its body.</summary>
    /// <param name="request">The request.</param>
    /// <param name="inQuery">Whether the key may also come as InfluxDB's clients have it: <c>?u=user&amp;p=key</c>.</param>
    /// <param name="key">The key that it carries; none when requests without one may pass, too.</param>
    public Problem? Check(HttpRequest request, bool inQuery, out ApiKey? key)
    {
        key = null;
        var admission = _admission;
        if (admission.Keys.Length == 0)
        {
            return null;
        }

        var bare = request.Headers["X-Api-Key"];
        var isBare = bare is not ([] or [""]);
        var carried = isBare ? bare : request.Headers.Authorization;

        // Vector sends a token that is empty beside the key in the query.
        if (inQuery && carried is [] or ["" or "Token"])
        {
            (isBare, carried) = (true, request.Query["p"]);
        }

        if (carried.Count > 1)
        {
            return SeveralKeys;
        }

        Span<byte> room = stackalloc byte[2 * ApiKey.MaxBytes];
        if (carried is not [{ } value] || !TryRead(value, isBare, room, out var sent, out var isToken))
        {
            return admission.AllowAnonymous ? null : NoKey;
        }

        // A token is the key, which may have a colon in it, or "user:key", as for InfluxDB 1.8.
        key = ApiKey.Find(admission.Keys, sent) ?? (isToken ? ApiKey.Find(admission.Keys, BehindColon(sent)) : null);
        return key is null ? WrongKey : null;
    }

    // Whether there is a key, which is empty when it cannot be one of ours.
    static bool TryRead(ReadOnlySpan<char> value, bool isBare, Span<byte> room, out ReadOnlySpan<byte> key, out bool isToken)
    {
        key = [];
        isToken = false;
        if (!isBare)
        {
            var space = value.IndexOf(' ');
            var scheme = space < 0 ? [] : value[..space];
            value = value[(space + 1)..].Trim(' ');
            if (scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase))
            {
                if (Convert.TryFromBase64Chars(value, room, out var length))
                {
                    key = BehindColon(room[..length]);
                }

                return true;
            }

            isToken = scheme.Equals("Token", StringComparison.OrdinalIgnoreCase);
            if (!isToken && !scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
            {
                return false;
            }
        }

        if (Ascii.FromUtf16(value, room, out var written) == OperationStatus.Done)
        {
            key = room[..written];
        }

        return value.Length > 0;
    }

    // All of it without a colon.
    static ReadOnlySpan<byte> BehindColon(ReadOnlySpan<byte> text) => text[(text.IndexOf((byte)':') + 1)..];

    void ReloadFiles()
    {
        if (ApiKey.AnyFile(_section))
        {
            Reload();
        }
    }

    void Reload()
    {
        lock (_gate)
        {
            try
            {
                var admission = Read();
                _fault = null;
                if (admission.AllowAnonymous != _admission.AllowAnonymous || !ApiKey.AreSame(admission.Keys, _admission.Keys))
                {
                    _admission = admission;
                    var names = string.Join(", ", admission.Keys.Select(key => key.Name));
                    LogChanged(names, admission.AllowAnonymous);
                }
            }
            catch (Exception e) when (e is OptionsValidationException or InvalidOperationException)
            {
                var fault = e is OptionsValidationException invalid ? string.Join(' ', invalid.Failures) : e.Message;
                if (Interlocked.Exchange(ref _fault, fault) != fault)
                {
                    LogRefused(fault);
                }
            }
        }
    }

    Admission Read()
    {
        var options = _options.Create(Options.DefaultName);
        var faults = new List<string>();
        var keys = ApiKey.ReadAll(options.ApiKeys, faults);

        // They were checked a moment ago, but files change.
        return faults.Count == 0
            ? new Admission(options.AllowAnonymous, keys)
            : throw new OptionsValidationException(Options.DefaultName, typeof(IngestionOptions), faults);
    }

    static Problem Unauthorized(string detail) => new(StatusCodes.Status401Unauthorized, detail);

    [LoggerMessage(
        EventId = LogEvents.ApiKeysChanged, EventName = nameof(LogEvents.ApiKeysChanged), Level = LogLevel.Information,
        Message = "The API keys have changed. Now taken: {Names}; requests without a key: {AllowAnonymous}")]
    partial void LogChanged(string names, bool allowAnonymous);

    [LoggerMessage(
        EventId = LogEvents.SettingsRefused, EventName = nameof(LogEvents.SettingsRefused), Level = LogLevel.Error,
        Message = "The configuration has changed and cannot work, so the API keys stay as they were. {Faults}")]
    partial void LogRefused(string faults);
}
