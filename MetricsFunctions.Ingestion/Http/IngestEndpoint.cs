using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using MetricsFunctions.Ingestion.Formats;
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
    const string IdempotencyKeyHeader = "Idempotency-Key";
    const int MaxIdempotencyKeyLength = 255;
    static readonly byte[] Ok = """{"message":"ok"}"""u8.ToArray();

    static readonly FrozenDictionary<string, SampleFormat> Formats = new SampleFormat[] { new JsonFormat(), new NdjsonFormat() }
        .SelectMany(format => format.MediaTypes, (format, mediaType) => KeyValuePair.Create(mediaType, format))
        .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    readonly IngestionOptions _options;
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
            if (await IngestAsync(context) is { } problem)
            {
                await RequestBody.DrainAsync(context.Request, _options);
                await problem.WriteAsync(context.Response);
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

    async Task<Problem?> IngestAsync(HttpContext context)
    {
        var request = context.Request;
        var format = FormatOf(request);
        if ((CheckMethod(request) ?? _apiKeys.Check(request) ?? CheckContent(format) ?? ContentEncoding.Check(request) ?? CheckIdempotencyKey(request))
            is { } refusal)
        {
            return refusal;
        }

        try
        {
            Task stored;
            int? accepted;
            var intake = _intakes.Get();
            try
            {
                intake.Begin(new AcceptedTime(_time.GetUtcNow(), _options.MaxSampleAge));
                if (await RequestBody.ReadAsync(request, format!, intake, _options) is { } problem)
                {
                    return problem;
                }

                intake.End();
                if (intake.Refusals.Count > 0)
                {
                    return Problem.Refused(intake.Refusals);
                }

                accepted = intake.IsList ? intake.Block.Count : null;
                stored = accepted == 0 ? Task.CompletedTask : _writer.WriteAsync(intake.Block, request.Headers[IdempotencyKeyHeader]);
            }
            finally
            {
                // The writer has the rows: few intakes are enough for many waiting requests.
                _intakes.Return(intake);
            }

            await stored;
            WriteOk(context.Response, accepted);
            return null;
        }
        catch (StorageUnavailableException e)
        {
            return Problem.Unavailable(e.Fault);
        }
    }

    static Problem? CheckMethod(HttpRequest request) =>
        HttpMethods.IsPost(request.Method) ? null : Problem.MethodNotAllowed(HttpMethods.Post);

    static SampleFormat? FormatOf(HttpRequest request)
    {
        if (request.ContentType is { } plain && Formats.TryGetValue(plain, out var format))
        {
            return format;
        }

        return MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            ? Formats.GetValueOrDefault(type.MediaType.ToString())
            : null;
    }

    static Problem? CheckContent(SampleFormat? format) => format is null
        ? new Problem(StatusCodes.Status415UnsupportedMediaType, $"Content-Type must be one of {string.Join(", ", Formats.Keys.Order())}, in UTF-8.")
        : null;

    static Problem? CheckIdempotencyKey(HttpRequest request) =>
        request.Headers[IdempotencyKeyHeader] is [] or [{ Length: > 0 and <= MaxIdempotencyKeyLength }]
            ? null
            : new Problem(StatusCodes.Status400BadRequest, $"{IdempotencyKeyHeader} must be one header of 1 to {MaxIdempotencyKeyLength} characters.");

    // The server sends it with the headers, when the endpoint returns.
    static void WriteOk(HttpResponse response, int? accepted)
    {
        var answer = accepted is null ? Ok : Encoding.ASCII.GetBytes($$"""{"message":"ok","accepted":{{accepted}}}""");
        response.ContentType = "application/json";
        response.ContentLength = answer.Length;
        response.BodyWriter.Write(answer);
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Error, Message = "A request failed in a way that nobody foresaw; please report it")]
    partial void LogBug(Exception exception);
}
