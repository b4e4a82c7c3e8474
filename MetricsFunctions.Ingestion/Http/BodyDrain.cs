using MetricsFunctions.Ingestion.Memory;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>Takes in the body of a refused request, of which nobody wants to know.</summary>
/// <param name="time">The clock.</param>
sealed class BodyDrain(TimeProvider time) : IDisposable
{
    const int PieceBytes = 64 * 1024;

    // Beyond this, all such bodies together get a piece every few milliseconds: as fast as they come, they would keep the cores busy.
    const int AtOnceBytes = 256 * 1024;

    static readonly object WasToldToSend = new();
    static readonly TimeSpan LongestDrain = TimeSpan.FromSeconds(10);
    static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(1);

    readonly SemaphoreSlim _turn = new(1);

    /// <summary>
    /// Reads what is left of a body, while it keeps coming: the Functions host, like many a client, sends a body to its end before it looks at
    /// the answer, and makes a 500 of one that it could not send.
    /// </summary>
    public async Task DrainAsync(HttpRequest request)
    {
        if (request.Headers.Expect.Count > 0 && !request.HttpContext.Items.ContainsKey(WasToldToSend))
        {
            // The sender waits for the answer before it sends. If it does not, the server takes in what comes within a few seconds, and closes.
            request.HttpContext.Response.Headers.Connection = "close";
            return;
        }

        BeforeRead(request);
        using var pause = new CancellationTokenSource(LongestPause, time);
        var body = new ArrivingBody(request.BodyReader);
        using var piece = new Rented<byte>(PieceBytes);
        try
        {
            var drained = 0L;
            for (var start = time.GetTimestamp(); time.GetElapsedTime(start) < LongestDrain;)
            {
                pause.CancelAfter(LongestPause);
                var read = await body.ReadAsync(piece.Memory, pause.Token);
                if (read == 0)
                {
                    return;
                }

                drained += read;
                if (drained > AtOnceBytes)
                {
                    pause.CancelAfter(LongestDrain);
                    await WaitForTurnAsync(pause.Token);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The rest is not coming, and the answer does not depend on it; the connection ends below.
        }

        request.HttpContext.Response.Headers.Connection = "close";
    }

    /// <summary>
    /// To be called before a body is read, upon which the server answers <c>Expect: 100-continue</c>. Takes the server's own limit off it: in the
    /// Functions worker it would surface as a 500, where ours are answered.
    /// </summary>
    public static void BeforeRead(HttpRequest request)
    {
        if (request.Headers.Expect.Count > 0)
        {
            request.HttpContext.Items[WasToldToSend] = null;
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }
    }

    /// <summary>Ends with the host.</summary>
    public void Dispose() => _turn.Dispose();

    async Task WaitForTurnAsync(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            await Task.Delay(Pace, time, cancel);
        }
        finally
        {
            _turn.Release();
        }
    }
}
