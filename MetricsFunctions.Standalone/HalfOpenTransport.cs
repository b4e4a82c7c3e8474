using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace MetricsFunctions.Standalone;

/// <summary>
/// A connection whose sender may end its side (<c>nc -N</c>) and wait for the answer. Kestrel takes such a sender for gone, and a body whose last bytes
/// are read together with the end for cut off; so it is told of the end when nothing before it is left to be read.
/// </summary>
/// <param name="transport">The connection.</param>
sealed class HalfOpenTransport(IDuplexPipe transport) : PipeReader, IDuplexPipe
{
    SequencePosition _start;
    SequencePosition _end;

    public PipeReader Input => this;

    public PipeWriter Output => transport.Output;

    /// <summary>Lets connections be half open.</summary>
    public static ConnectionDelegate Use(ConnectionDelegate next) => async connection =>
    {
        var socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket;
        using var gone = new CancellationTokenSource();
        await using var ended = connection.ConnectionClosed.UnsafeRegister(_ =>
        {
            // It is connected still when nothing but the end has come.
            if (socket is not { Connected: true })
            {
                gone.Cancel();
            }
        }, null);
        connection.ConnectionClosed = gone.Token;
        connection.Transport = new HalfOpenTransport(connection.Transport);
        await next(connection);
    };

    public override bool TryRead(out ReadResult result)
    {
        if (!transport.Input.TryRead(out result))
        {
            return false;
        }

        result = Tell(result);
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        Tell(await transport.Input.ReadAsync(cancellationToken));

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!consumed.Equals(_start))
        {
            _end = default;
        }

        transport.Input.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => transport.Input.CancelPendingRead();

    public override void Complete(Exception? exception = null) => transport.Input.Complete(exception);

    // What comes again, with nothing taken from it and nothing added to it, is a beginning whose rest is waited for.
    ReadResult Tell(ReadResult result)
    {
        var isKnown = result.Buffer.End.Equals(_end);
        (_start, _end) = (result.Buffer.Start, result.Buffer.End);
        return result.IsCompleted && !result.Buffer.IsEmpty && !isKnown ? new ReadResult(result.Buffer, result.IsCanceled, isCompleted: false) : result;
    }
}
