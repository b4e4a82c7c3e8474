using System.Buffers;
using System.IO.Pipelines;
using MetricsFunctions.Ingestion.Formats;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// A request's body as it arrives. Other than with <c>HttpRequest.Body</c>, the connection outlives a read that was given up: the server
/// takes that one for still under way, and can neither read the rest nor go on to the next request. Nor is a read to be given up because the request
/// was aborted: the server ends it by itself, and refuses to be told so.
/// </summary>
/// <param name="reader">Where the server puts the body.</param>
/// <param name="clock">Told for whom the time runs.</param>
/// <param name="turn">Given away while nothing has arrived.</param>
sealed class ArrivingBody(PipeReader reader, BodyClock? clock = null, ReadingTurn? turn = null) : ReadOnlyStream
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!reader.TryRead(out var result))
        {
            clock?.WaitForSender();
            turn?.Pause();
            await using (cancellationToken.UnsafeRegister(static pipe => ((PipeReader)pipe!).CancelPendingRead(), reader))
            {
                result = await reader.ReadAsync(CancellationToken.None);
            }

            if (!result.IsCanceled)
            {
                clock?.GoOn();
            }
        }

        if (result.IsCanceled)
        {
            reader.AdvanceTo(result.Buffer.Start);
            throw new OperationCanceledException(cancellationToken);
        }

        var length = (int)Math.Min(result.Buffer.Length, buffer.Length);
        var read = result.Buffer.Slice(0, length);
        read.CopyTo(buffer.Span);
        reader.AdvanceTo(read.End);
        if (turn is not null)
        {
            await turn.ResumeAsync();
        }

        return length;
    }
}
