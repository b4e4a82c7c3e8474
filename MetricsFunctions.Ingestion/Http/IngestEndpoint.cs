using System.Buffers;
using MetricsFunctions.Ingestion.Formats.Json;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.ObjectPool;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// Takes samples over HTTP: checks the request, reads it, stores it, and answers only then. The same code serves every host.
/// </summary>
public sealed partial class IngestEndpoint
{
    const string MediaType = "application/json";
    const string IdempotencyKeyHeader = "Idempotency-Key";
    const int MaxIdempotencyKeyLength = 255;
    static readonly byte[] Ok = """{"message":"ok"}"""u8.ToArray();

    readonly IngestionOptions _options;
    readonly ApiKeys _apiKeys;
    readonly SampleWriter _writer;
    readonly TimeProvider _time;
    readonly ILogger<IngestEndpoint> _logger;
    readonly ObjectPool<SampleBlock> _blocks = ObjectPool.Create<SampleBlock>();

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
        _apiKeys = apiKeys;
        _writer = writer;
        _time = time;
        _logger = logger;
    }

    /// <summary>Serves <c>POST /api/metrics</c>; answers 200 only when ClickHouse has committed the samples.</summary>
    /// <param name="context">The request; its response is written here.</param>
    public async Task HandleAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            if (await IngestAsync(context.Request) is { } problem)
            {
                await RequestBody.DrainAsync(context.Request, _options);
                await problem.WriteAsync(context.Response);
            }
            else
            {
                WriteOk(context.Response);
            }
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The sender is gone and nobody reads an answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            LogBug(e);
            await Problem.Bug.WriteAsync(context.Response);
        }
    }

    async Task<Problem?> IngestAsync(HttpRequest request)
    {
        if ((CheckMethod(request) ?? _apiKeys.Check(request) ?? CheckContent(request) ?? CheckIdempotencyKey(request)) is { } refusal)
        {
            return refusal;
        }

        var (body, problem) = await RequestBody.ReadAsync(request, _options);
        if (problem is not null)
        {
            return problem;
        }

        try
        {
            Task stored;
            Refusals refusals;
            try
            {
                (stored, refusals) = Write(body, request.Headers[IdempotencyKeyHeader]);
            }
            finally
            {
                // Also when the queue is full; otherwise the answer could not be written.
                request.BodyReader.AdvanceTo(body.End);
            }

            if (refusals.Count > 0)
            {
                return Problem.Refused(refusals);
            }

            await stored;
            return null;
        }
        catch (StorageUnavailableException e)
        {
            return Problem.Unavailable(e.Fault);
        }
    }

    // The block is needed only until the writer has copied it, so few are enough for many waiting requests.
    (Task Stored, Refusals Refusals) Write(ReadOnlySequence<byte> body, string? idempotencyKey)
    {
        var accepted = new AcceptedTime(_time.GetUtcNow(), _options.MaxSampleAge);
        var refusals = new Refusals();
        var block = _blocks.Get();
        try
        {
            block.Begin(accepted.Now);
            JsonSampleReader.Read(body, block, accepted, refusals);
            return (refusals.Count > 0 ? Task.CompletedTask : _writer.WriteAsync(block, idempotencyKey), refusals);
        }
        finally
        {
            _blocks.Return(block);
        }
    }

    static Problem? CheckMethod(HttpRequest request) =>
        HttpMethods.IsPost(request.Method) ? null : Problem.MethodNotAllowed(HttpMethods.Post);

    static Problem? CheckContent(HttpRequest request)
    {
        if (!string.Equals(request.ContentType, MediaType, StringComparison.OrdinalIgnoreCase)
            && !(MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
                && type.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase)
                && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))))
        {
            return new Problem(StatusCodes.Status415UnsupportedMediaType, $"Content-Type must be {MediaType}, in UTF-8.");
        }

        return request.Headers.ContentEncoding is [] or ["identity"]
            ? null
            : new Problem(StatusCodes.Status415UnsupportedMediaType, "Content-Encoding is not supported; send the body as it is.");
    }

    static Problem? CheckIdempotencyKey(HttpRequest request) =>
        request.Headers[IdempotencyKeyHeader] is [] or [{ Length: > 0 and <= MaxIdempotencyKeyLength }]
            ? null
            : new Problem(StatusCodes.Status400BadRequest, $"{IdempotencyKeyHeader} must be one header of 1 to {MaxIdempotencyKeyLength} characters.");

    // The server sends it with the headers, when the endpoint returns.
    static void WriteOk(HttpResponse response)
    {
        response.ContentType = MediaType;
        response.ContentLength = Ok.Length;
        response.BodyWriter.Write(Ok);
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Error, Message = "A request failed in a way that nobody foresaw; please report it")]
    partial void LogBug(Exception exception);
}
