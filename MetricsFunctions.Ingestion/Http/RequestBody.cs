using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace MetricsFunctions.Ingestion.Http;

/// <summary>The body of a request, within the limits of size and time.</summary>
static class RequestBody
{
    /// <summary>
    /// Reads the whole body; the caller releases it with <c>BodyReader.AdvanceTo(body.End)</c>. A body over the limits comes back as a problem.
    /// </summary>
    public static async ValueTask<(ReadOnlySequence<byte> Body, Problem? Problem)> ReadAsync(HttpRequest request, IngestionOptions options)
    {
        // The server's own limit would surface as a 500 in the Functions worker; ours answers 413.
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        if (request.ContentLength > options.MaxBodyBytes)
        {
            return (default, TooLarge(options));
        }

        // A small body is usually here already, and needs no timer.
        if (request.BodyReader.TryRead(out var read))
        {
            if (read.IsCompleted && read.Buffer.Length <= options.MaxBodyBytes)
            {
                return (read.Buffer, null);
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted);
        timeout.CancelAfter(options.BodyTimeout);
        try
        {
            while (true)
            {
                read = await request.BodyReader.ReadAsync(timeout.Token);
                if (read.Buffer.Length > options.MaxBodyBytes)
                {
                    request.BodyReader.AdvanceTo(read.Buffer.End);
                    return (default, TooLarge(options));
                }

                if (read.IsCompleted)
                {
                    return (read.Buffer, null);
                }

                request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
        }
        catch (OperationCanceledException) when (!request.HttpContext.RequestAborted.IsCancellationRequested)
        {
            return (default, TooSlow(options));
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status408RequestTimeout)
        {
            return (default, TooSlow(options));
        }
        catch (BadHttpRequestException e)
        {
            return (default, new Problem(e.StatusCode, "The body did not arrive as its headers announced."));
        }
    }

    /// <summary>
    /// Reads what is left of the body of a refused request, within bounds: the Functions host answers the next request on a connection with
    /// 500 when a body was left unread.
    /// </summary>
    public static async Task DrainAsync(HttpRequest request, IngestionOptions options)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted);
        timeout.CancelAfter(TimeSpan.FromSeconds(2));
        try
        {
            for (var left = options.MaxBodyBytes; left > 0;)
            {
                var read = await request.BodyReader.ReadAsync(timeout.Token);
                left -= read.Buffer.Length;
                request.BodyReader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The rest is not coming, and the answer does not depend on it; the connection ends below.
        }

        request.HttpContext.Response.Headers.Connection = "close";
    }

    static Problem TooLarge(IngestionOptions options) => new(
        StatusCodes.Status413PayloadTooLarge,
        $"The body is over the limit of {options.MaxBodyBytes} bytes (Ingestion:MaxBodyBytes). Send it in parts.");

    static Problem TooSlow(IngestionOptions options) => new(
        StatusCodes.Status408RequestTimeout,
        $"The body did not arrive within {options.BodyTimeout.TotalSeconds:0} s (Ingestion:BodyTimeout).");
}
