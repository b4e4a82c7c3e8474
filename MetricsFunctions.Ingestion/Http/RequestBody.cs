using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>The body of a request, within the limits of size and time.</summary>
static class RequestBody
{
    // Bodies of unknown length are mostly small ones.
    const int UsualBytes = 16 * 1024;

    static readonly TimeSpan LongestDrain = TimeSpan.FromSeconds(10);
    static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    /// <summary>Reads the whole body. One that cannot be read to its end comes back as a problem.</summary>
    /// <param name="request">The request.</param>
    /// <param name="format">What its body is written in.</param>
    /// <param name="intake">Where the samples go, and what is wrong with them.</param>
    /// <param name="options">The limits.</param>
    /// <param name="budget">What bodies may take together.</param>
    /// <param name="telemetry">Told how much arrived.</param>
    /// <param name="hash">Given the whole body as it was before it was compressed, if there is one.</param>
    public static async ValueTask<Problem?> ReadAsync(
        HttpRequest request,
        SampleFormat format,
        SampleIntake intake,
        IngestionOptions options,
        BodyBudget budget,
        IngestionTelemetry telemetry,
        IncrementalHash? hash)
    {
        LiftServerLimit(request);
        if (request.ContentLength > options.MaxBodyBytes)
        {
            return TooLarge(options);
        }

        try
        {
            if (!TryReadAtOnce(request, format, intake, options, telemetry, hash))
            {
                using var timeout = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted);
                timeout.CancelAfter(options.BodyTimeout);
                using var room = budget.Open();
                await ReadPiecesAsync(request, format, intake, options, telemetry, hash, room, timeout.Token);
            }

            return null;
        }
        catch (BodyException e)
        {
            return e.Fault switch
            {
                BodyFault.TooLarge => TooLarge(options),
                BodyFault.NoRoom => Problem.Unavailable(StorageFault.QueueFull),
                _ => new Problem(StatusCodes.Status400BadRequest, "The body is not what its Content-Encoding promises: it is corrupt, or cut off.")
                {
                    Reason = "corrupt_body",
                },
            };
        }
        catch (OperationCanceledException) when (!request.HttpContext.RequestAborted.IsCancellationRequested)
        {
            return TooSlow(options);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status408RequestTimeout)
        {
            return TooSlow(options);
        }
        catch (BadHttpRequestException e)
        {
            return new Problem(e.StatusCode, "The body did not arrive as its headers announced.") { Reason = "incomplete_body" };
        }
    }

    // A small body is usually here already, and needs neither a timer nor a stream.
    static bool TryReadAtOnce(
        HttpRequest request, SampleFormat format, SampleIntake intake, IngestionOptions options, IngestionTelemetry telemetry, IncrementalHash? hash)
    {
        if (!ContentEncoding.IsIdentity(request) || !request.BodyReader.TryRead(out var read))
        {
            return false;
        }

        if (!read.IsCompleted || read.Buffer.Length > Math.Min(options.MaxBodyBytes, PieceReader.PieceBytes))
        {
            request.BodyReader.AdvanceTo(read.Buffer.Start);
            return false;
        }

        telemetry.BodyRead(read.Buffer.Length);
        ReadPiece(read.Buffer, format, intake, hash);
        request.BodyReader.AdvanceTo(read.Buffer.End);
        return true;
    }

    static async Task ReadPiecesAsync(
        HttpRequest request,
        SampleFormat format,
        SampleIntake intake,
        IngestionOptions options,
        IngestionTelemetry telemetry,
        IncrementalHash? hash,
        BodyBudget.Room room,
        CancellationToken cancel)
    {
        var isPlain = ContentEncoding.IsIdentity(request);
        await using var body = new BodyStream(new ArrivingBody(request.BodyReader), options.MaxBodyBytes, isDecoded: false, isPlain ? hash : null, room);
        try
        {
            if (isPlain)
            {
                await PieceReader.ReadAsync(body, request.ContentLength ?? UsualBytes, format, intake, cancel);
                return;
            }

            await using var decoder = ContentEncoding.Decode(request, body, options.MaxBodyBytes, room);
            await using var decoded = new BodyStream(decoder, options.MaxBodyBytes, isDecoded: true, hash, room);
            await PieceReader.ReadAsync(decoded, UsualBytes, format, intake, cancel);
        }
        finally
        {
            telemetry.BodyRead(body.BytesRead);
        }
    }

    // Formats read bytes that lie together; those of a small body mostly do.
    static void ReadPiece(ReadOnlySequence<byte> body, SampleFormat format, SampleIntake intake, IncrementalHash? hash)
    {
        if (body.IsSingleSegment)
        {
            hash?.AppendData(body.FirstSpan);
            format.Read(body.FirstSpan, isLast: true, intake);
            return;
        }

        var piece = ArrayPool<byte>.Shared.Rent((int)body.Length);
        body.CopyTo(piece);
        hash?.AppendData(piece.AsSpan(0, (int)body.Length));
        format.Read(piece.AsSpan(0, (int)body.Length), isLast: true, intake);
        ArrayPool<byte>.Shared.Return(piece);
    }

    /// <summary>
    /// Reads what is left of the body of a refused request, while it keeps coming: the Functions host, like many a client, sends a body to its
    /// end before it looks at the answer, and makes a 500 of one that it could not send.
    /// </summary>
    public static async Task DrainAsync(HttpRequest request)
    {
        LiftServerLimit(request);
        using var pause = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted);
        var body = new ArrivingBody(request.BodyReader);
        var piece = ArrayPool<byte>.Shared.Rent(UsualBytes);
        try
        {
            for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < LongestDrain;)
            {
                pause.CancelAfter(LongestPause);
                if (await body.ReadAsync(piece, pause.Token) == 0)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The rest is not coming, and the answer does not depend on it; the connection ends below.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        request.HttpContext.Response.Headers.Connection = "close";
    }

    /// <summary>Takes the server's own limit off a body: in the Functions worker it would surface as a 500, where ours are answered.</summary>
    public static void LiftServerLimit(HttpRequest request)
    {
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }
    }

    static Problem TooLarge(IngestionOptions options) => new(
        StatusCodes.Status413PayloadTooLarge,
        $"The body is over the limit of {options.MaxBodyBytes} bytes (Ingestion:MaxBodyBytes). Send it in parts.");

    static Problem TooSlow(IngestionOptions options) => new(
        StatusCodes.Status408RequestTimeout,
        $"The body did not arrive within {options.BodyTimeout.TotalSeconds:0} s (Ingestion:BodyTimeout).");
}
