using System.Security.Cryptography;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.ObjectPool;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Takes samples over HTTP: checks the request, reads it, stores it, and answers only then. The same code serves every host.
/// </summary>
public sealed partial class IngestEndpoint
{
    const string IdempotencyKeyHeader = "Idempotency-Key";
    const int MaxIdempotencyKeyLength = 255;

    readonly IngestionOptions _options;
    readonly BodyBudget _bodies;
    readonly ApiKeys _apiKeys;
    readonly SampleWriter _writer;
    readonly TimeProvider _time;
    readonly ILogger<IngestEndpoint> _logger;
    readonly ObjectPool<SampleIntake> _intakes = ObjectPool.Create<SampleIntake>();

    /// <summary>Makes the endpoint.</summary>
    /// <param name="options">Limits.</param>
    /// <param name="apiKeys">Who may send.</param>
    /// <param name="writer">Where samples go.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of defects.</param>
    public IngestEndpoint(
        IOptions<IngestionOptions> options, ApiKeys apiKeys, SampleWriter writer, TimeProvider time, ILogger<IngestEndpoint> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Value;
        _bodies = new BodyBudget(_options.MaxPendingBytes);
        _apiKeys = apiKeys;
        _writer = writer;
        _time = time;
        _logger = logger;
    }

    /// <summary>Serves a path that takes samples; says that they are stored only when ClickHouse has committed them.</summary>
    /// <param name="context">The request; its response is written here.</param>
    /// <param name="protocol">What is spoken at the path.</param>
    public async Task HandleAsync(HttpContext context, Protocol protocol)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(protocol);
        try
        {
            if (await IngestAsync(context, protocol) is { } problem)
            {
                await RequestBody.DrainAsync(context.Request);
                await protocol.WriteProblemAsync(context.Response, problem);
            }
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The sender is gone and nobody reads an answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            LogBug(e);
            await protocol.WriteProblemAsync(context.Response, Problem.Bug);
        }
    }

    async Task<Problem?> IngestAsync(HttpContext context, Protocol protocol)
    {
        var request = context.Request;
        if (Problem.UnlessMethod(request, HttpMethods.Post) is { } wrongMethod)
        {
            return wrongMethod;
        }

        if (_apiKeys.Check(request, protocol.TakesKeyInQuery, out var apiKey) is { } stranger)
        {
            return stranger;
        }

        if (!protocol.TryGetFormat(request, out var format, out var unknown))
        {
            return unknown;
        }

        if ((ContentEncoding.Check(request) ?? CheckIdempotencyKey(request)) is { } refusal)
        {
            return refusal;
        }

        try
        {
            Task stored;
            Tally tally;
            string? key = request.Headers[IdempotencyKeyHeader];
            using var hash = key is null && protocol.IsKeyedByContent ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
            var intake = _intakes.Get();
            try
            {
                intake.Begin(new AcceptedTime(_time.GetUtcNow(), _options.MaxSampleAge), apiKey?.Names ?? default);
                if (await RequestBody.ReadAsync(request, format, intake, _options, _bodies, hash) is { } problem)
                {
                    return problem;
                }

                intake.End();
                if (intake.Refusals.Count > 0)
                {
                    return Problem.Refused(intake.Refusals);
                }

                tally = intake.Tally;
                key ??= hash is null ? null : $"{request.Path} {Convert.ToHexStringLower(hash.GetCurrentHash())}";
                stored = tally.Samples == 0 ? Task.CompletedTask : _writer.WriteAsync(intake.Block, key);
            }
            finally
            {
                // The writer has the rows: few intakes are enough for many waiting requests.
                _intakes.Return(intake);
            }

            await stored;
            protocol.WriteStored(context.Response, tally);
            return null;
        }
        catch (StorageUnavailableException e)
        {
            return Problem.Unavailable(e.Fault);
        }
    }

    static Problem? CheckIdempotencyKey(HttpRequest request) =>
        request.Headers[IdempotencyKeyHeader] is [] or [{ Length: > 0 and <= MaxIdempotencyKeyLength }]
            ? null
            : new Problem(StatusCodes.Status400BadRequest, $"{IdempotencyKeyHeader} must be one header of 1 to {MaxIdempotencyKeyLength} characters.");

    [LoggerMessage(EventId = 10, Level = LogLevel.Error, Message = "A request failed in a way that nobody foresaw; please report it")]
    partial void LogBug(Exception exception);
}
