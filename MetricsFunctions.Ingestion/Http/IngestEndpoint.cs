using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.ObjectPool;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Takes samples over HTTP: checks the request, reads it, stores it, and answers only then. The same code serves every host.
/// </summary>
sealed partial class IngestEndpoint
{
    const int MaxIdempotencyKeyLength = 255;

    readonly IngestionOptions _options;
    readonly BodyReader _bodies;
    readonly Cors _cors;
    readonly ApiKeys _apiKeys;
    readonly MemoryBudget _memory;
    readonly ForeignPages _foreignPages;
    readonly BodyDrain _drain;
    readonly SampleWriter _writer;
    readonly IngestionTelemetry _telemetry;
    readonly RefusalLog _refused;
    readonly TimeProvider _time;
    readonly ILogger<IngestEndpoint> _logger;
    readonly ObjectPool<SampleIntake> _intakes = ObjectPool.Create<SampleIntake>();

    /// <summary>Makes the endpoint.</summary>
    /// <param name="options">Limits.</param>
    /// <param name="cors">From which pages.</param>
    /// <param name="apiKeys">Who may send.</param>
    /// <param name="memory">What requests have.</param>
    /// <param name="foreignPages">Which pages may not, without a key.</param>
    /// <param name="drain">Takes in what is left of a refused request.</param>
    /// <param name="writer">Where samples go.</param>
    /// <param name="telemetry">Told of every request.</param>
    /// <param name="refused">Told of what is refused.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of defects.</param>
    public IngestEndpoint(
        IOptions<IngestionOptions> options,
        Cors cors,
        ApiKeys apiKeys,
        MemoryBudget memory,
        ForeignPages foreignPages,
        BodyDrain drain,
        SampleWriter writer,
        IngestionTelemetry telemetry,
        RefusalLog refused,
        TimeProvider time,
        ILogger<IngestEndpoint> logger)
    {
        _options = options.Value;
        _bodies = new BodyReader(_options, telemetry, time);
        _cors = cors;
        _apiKeys = apiKeys;
        _memory = memory;
        _foreignPages = foreignPages;
        _drain = drain;
        _writer = writer;
        _telemetry = telemetry;
        _refused = refused;
        _time = time;
        _logger = logger;
    }

    /// <summary>Serves a path that takes samples; says that they are stored only when ClickHouse has committed them.</summary>
    /// <param name="context">The request; its response is written here.</param>
    /// <param name="protocol">What is spoken at the path.</param>
    public async Task HandleAsync(HttpContext context, Protocol protocol)
    {
        if (_cors.Answers(context))
        {
            return;
        }

        var begin = _time.GetTimestamp();
        int? status = null;
        string? reason = null;
        try
        {
            if (await IngestAsync(context, protocol) is { } problem)
            {
                reason = problem.Reason;
                await Task.Delay(problem.Delay, _time, context.RequestAborted);
                if (problem.Status != StatusCodes.Status408RequestTimeout)
                {
                    await _drain.DrainAsync(context.Request);
                }

                await protocol.WriteProblemAsync(context.Response, problem);
            }

            status = context.Response.StatusCode;
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested || e is ConnectionResetException)
        {
            // The sender is gone and nobody reads an answer. That is found out by reading its body, too, before the server says so; which would
            // drain the rest, and log that it cannot.
            reason = "sender_gone";
            context.Abort();
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            (status, reason) = (Problem.Bug.Status, Problem.Bug.Reason);
            LogBug(Problem.TraceIdOf(context), e);
            await protocol.WriteProblemAsync(context.Response, Problem.Bug);
        }
        finally
        {
            _telemetry.RequestEnded(_time.GetElapsedTime(begin), protocol.Name, status, reason);
        }
    }

    async Task<Problem?> IngestAsync(HttpContext context, Protocol protocol)
    {
        if (CheckHead(context.Request, protocol, out var apiKey, out var format) is { } refusal)
        {
            return refusal;
        }

        try
        {
            return await ReadAndStoreAsync(context, protocol, apiKey, format!);
        }
        catch (StorageUnavailableException e)
        {
            return Problem.Unavailable(e);
        }
    }

    // What is known before the body, so that a sender who asks for leave to send it is told.
    Problem? CheckHead(HttpRequest request, Protocol protocol, out ApiKey? apiKey, out SampleFormat? format)
    {
        (apiKey, format) = (null, null);
        return Problem.UnlessMethod(request, HttpMethods.Post)
            ?? _apiKeys.Check(request, protocol.TakesKeyInQuery, out apiKey)
            ?? (apiKey is null ? _foreignPages.Check(request) : null)
            ?? (protocol.TryGetFormat(request, out format, out var unknown) ? null : unknown)
            ?? ContentEncoding.Check(request)
            ?? CheckIdempotencyKey(request);
    }

    async Task<Problem?> ReadAndStoreAsync(HttpContext context, Protocol protocol, ApiKey? apiKey, SampleFormat format)
    {
        var stored = Task.CompletedTask;
        Tally tally;
        Problem? refused;
        using var identity = RequestIdentity.Begin(context.Request, protocol, apiKey);
        var intake = _intakes.Get();
        MemoryBudget.Room? room = _memory.Open();
        try
        {
            intake.Aborted = context.RequestAborted;
            intake.Begin(new AcceptedTime(_time.GetUtcNow(), _options.MaxSampleAge), apiKey?.Names ?? default, room);
            if ((await _bodies.ReadAsync(context.Request, protocol.MayBeSnappy, format, intake, identity) ?? protocol.CheckBody(intake)) is { } problem)
            {
                return problem;
            }

            intake.End();
            tally = intake.Tally;
            refused = RefusalOf(intake, context.Request, protocol, apiKey);
            if (refused is { Stored: null })
            {
                return refused;
            }

            if (identity is not null)
            {
                intake.Block.RequestId = RequestIdentity.End(identity, tally.Samples);
                await _writer.KnowsRequestsAsync();
            }

            if (tally.Samples > 0)
            {
                stored = _writer.WriteAsync(intake.Block, room);
                room = null;
            }
        }
        finally
        {
            // The writer has the rows: few intakes are enough for many waiting requests.
            _intakes.Return(intake);
            room?.Dispose();
        }

        await stored;
        _telemetry.SamplesStored(protocol.Name, tally.Samples);
        _telemetry.ValuesSkipped(protocol.Name, tally.Skipped);
        if (refused is null)
        {
            protocol.WriteStored(context.Response, tally);
        }

        return refused;
    }

    // Of the whole request, or of a part while the rest is stored.
    Problem? RefusalOf(SampleIntake intake, HttpRequest request, Protocol protocol, ApiKey? apiKey)
    {
        if (intake.Refusals.Count == 0)
        {
            return null;
        }

        _refused.Note(protocol, apiKey, intake.Refusals);
        return intake.Refusals.IsOfBody || !protocol.StoresInPart(request)
            ? Problem.Refused(intake.Refusals)
            : Problem.RefusedInPart(intake.Refusals, intake.Tally);
    }

    static Problem? CheckIdempotencyKey(HttpRequest request) =>
        request.Headers[RequestIdentity.KeyHeader] is [] or [{ Length: > 0 and <= MaxIdempotencyKeyLength }]
            ? null
            : new Problem(StatusCodes.Status400BadRequest, $"{RequestIdentity.KeyHeader} must be one header of 1 to {MaxIdempotencyKeyLength} characters.");

    [LoggerMessage(
        EventId = LogEvents.RequestFailed, EventName = nameof(LogEvents.RequestFailed), Level = LogLevel.Error,
        Message = "A request failed in a way that nobody foresaw; please report it (trace {TraceId})")]
    partial void LogBug(string traceId, Exception exception);
}
