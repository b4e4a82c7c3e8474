using System.Buffers;
using System.Security.Cryptography;
using MetricsFunctions.Ingestion.Formats;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Reads the bodies of requests, within the limits of size, time and memory.</summary>
/// <param name="options">The limits.</param>
/// <param name="telemetry">Told how much arrived.</param>
/// <param name="time">The clock.</param>
sealed class BodyReader(IngestionOptions options, IngestionTelemetry telemetry, TimeProvider time)
{
    // Bodies of unknown length are mostly small ones.
    const int UsualBytes = 16 * 1024;

    // Senders that heed no Retry-After would take the processor from all others.
    static readonly TimeSpan DelayWhenFull = TimeSpan.FromSeconds(1);

    /// <summary>Reads a whole body. One that cannot be read to its end comes back as a problem.</summary>
    /// <param name="request">The request.</param>
    /// <param name="mayBeSnappy">Whether its body may be compressed with Snappy without saying so.</param>
    /// <param name="format">What its body is written in.</param>
    /// <param name="intake">Where the samples go, and what is wrong with them.</param>
    /// <param name="hash">Given the whole body as it was before it was compressed, if there is one.</param>
    public async ValueTask<Problem?> ReadAsync(HttpRequest request, bool mayBeSnappy, SampleFormat format, SampleIntake intake, IncrementalHash? hash)
    {
        if (request.ContentLength > options.MaxBodyBytes)
        {
            return TooLarge();
        }

        BodyDrain.BeforeRead(request);
        LiftServerRate(request);
        try
        {
            var isPlain = ContentEncoding.IsIdentity(request) && !mayBeSnappy;
            if (!isPlain || !TryReadAtOnce(request, format, intake, hash))
            {
                await ReadPiecesAsync(request, isPlain, format, intake, hash);
            }

            return CheckRoom(intake);
        }
        catch (NoRoomException)
        {
            return CheckRoom(intake);
        }
        catch (BodyException e)
        {
            return e.Fault switch
            {
                BodyFault.TooLarge => TooLarge(),
                BodyFault.SlowSender => TooSlow(),
                BodyFault.SlowService => Busy(),
                BodyFault.LargeWindow => Corrupt(
                    "The body is a zstd frame with a window over 8 MiB. Compress it with a window log of at most 23, which is without --long and --ultra."),
                BodyFault.Dictionary => Corrupt("The body is compressed with a dictionary, and none is known here. Compress it without one."),
                _ => Corrupt(
                    "The body is not what its Content-Encoding promises: it is corrupt, cut off, or goes on behind its end."
                    + " Compress all of it as one stream, and send nothing behind that."),
            };
        }
        catch (BadHttpRequestException e)
        {
            return new Problem(e.StatusCode, "The body did not arrive as its headers announced.") { Reason = "incomplete_body" };
        }
    }

    // A small body is usually here already, and needs neither a timer nor a stream.
    bool TryReadAtOnce(HttpRequest request, SampleFormat format, SampleIntake intake, IncrementalHash? hash)
    {
        if (!request.BodyReader.TryRead(out var read))
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

    async Task ReadPiecesAsync(HttpRequest request, bool isPlain, SampleFormat format, SampleIntake intake, IncrementalHash? hash)
    {
        using var clock = new BodyClock(options, time);
        using var turn = new ReadingTurn(clock.Over);
        await using var body = new BodyStream(new ArrivingBody(request.BodyReader, clock, turn), options.MaxBodyBytes, isDecoded: false, isPlain ? hash : null);
        try
        {
            if (isPlain)
            {
                await PieceReader.ReadAsync(body, request.ContentLength ?? UsualBytes, format, intake, turn, clock.Over);
                return;
            }

            await using var decoder = ContentEncoding.Decode(request, body, options.MaxBodyBytes, intake.Room);
            await using var decoded = new BodyStream(decoder, options.MaxBodyBytes, isDecoded: true, hash);
            await PieceReader.ReadAsync(decoded, UsualBytes, format, intake, turn, clock.Over);
        }
        catch (OperationCanceledException e) when (clock.Over.IsCancellationRequested)
        {
            throw new BodyException(clock.IsSenders ? BodyFault.SlowSender : BodyFault.SlowService, e);
        }
        finally
        {
            telemetry.BodyRead(body.BytesRead);
        }
    }

    // The server's least rate would cut slow links off before the clock does.
    static void LiftServerRate(HttpRequest request)
    {
        if (request.HttpContext.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
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

        using var piece = new Rented<byte>((int)body.Length);
        body.CopyTo(piece.Span);
        hash?.AppendData(piece.Span);
        format.Read(piece.Span, isLast: true, intake);
    }

    static Problem Corrupt(string detail) => new(StatusCodes.Status400BadRequest, detail) { Reason = "corrupt_body" };

    Problem TooLarge() => new(
        StatusCodes.Status413PayloadTooLarge,
        $"The body is over the limit of {options.MaxBodyBytes} bytes (Ingestion:MaxBodyBytes). Send it in parts.");

    Problem TooSlow() => new(
        StatusCodes.Status408RequestTimeout,
        $"The body did not arrive: it is waited for {options.BodyTimeout.TotalSeconds:0.#} s in all, and"
        + $" {BodyClock.LongestPause(options).TotalSeconds:0.#} s at a stretch (Ingestion:BodyTimeout). Send it faster, or in parts.");

    Problem Busy() => new(
        StatusCodes.Status503ServiceUnavailable,
        "Nothing of the request is stored: other bodies keep the service busy, and it did not come to read this one within"
        + $" {options.WriteTimeout.TotalSeconds:0.#} s (Ingestion:WriteTimeout). Send the same request again.")
    {
        Reason = "busy",
    };

    // Samples are given memory in steps; here the last of them are.
    Problem? CheckRoom(SampleIntake intake)
    {
        intake.Block.TakeRoom();
        return intake.Room?.Fault switch
        {
            RoomFault.Full => new Problem(
                StatusCodes.Status503ServiceUnavailable,
                $"Nothing of the request is stored: the requests that are being read or wait for ClickHouse have the {options.MaxPendingBytes} bytes of"
                + " memory that there are (Ingestion:MaxPendingBytes). Send the same request again.")
            {
                Reason = "queue_full",
                Delay = DelayWhenFull,
            },
            RoomFault.NeverFits => new Problem(
                StatusCodes.Status413PayloadTooLarge,
                $"The samples come to more than {options.MaxPendingBytes} bytes (Ingestion:MaxPendingBytes), each with its name and all its tags."
                + " Send them in parts, or with fewer tags.")
            {
                Reason = "rows_too_large",
            },
            _ => null,
        };
    }
}
