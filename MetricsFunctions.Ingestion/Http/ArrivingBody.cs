using System.Buffers;
using System.IO.Pipelines;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>
/// A request's body as it arrives. Other than with <c>HttpRequest.Body</c>, the connection outlives a read that was given up: the server
/// takes that one for still under way, and can neither read the rest nor go on to the next request.
/// </summary>
/// <param name="reader">Where the server puts the body.</param>
sealed class ArrivingBody(PipeReader reader) : ReadOnlyStream
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadResult result;
        await using (cancellationToken.UnsafeRegister(static pipe => ((PipeReader)pipe!).CancelPendingRead(), reader))
        {
            result = await reader.ReadAsync(CancellationToken.None);
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
        return length;
    }
}
