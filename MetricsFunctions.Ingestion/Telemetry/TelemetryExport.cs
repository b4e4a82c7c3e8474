using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace MetricsFunctions.Ingestion.Telemetry;

/// <summary>Sends what the service tells of itself to whoever the standard <c>OTEL_*</c> settings name.</summary>
public static class TelemetryExport
{
    const string ServiceName = "metrics-functions";

    /// <summary>Registers the export of metrics and of traces by OTLP, each where it has an endpoint; nothing at all without one.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">The host's configuration, its environment variables included.</param>
    public static IServiceCollection AddTelemetryExport(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        var (metrics, traces) = (IsOn(configuration, "METRICS"), IsOn(configuration, "TRACES"));
        if (metrics || traces)
        {
            Add(services, metrics, traces);
        }

        return services;
    }

    // https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    static bool IsOn(IConfiguration configuration, string signal) =>
        !(string.IsNullOrWhiteSpace(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])
            && string.IsNullOrWhiteSpace(configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"]))
        && !string.Equals(configuration[$"OTEL_{signal}_EXPORTER"], "none", StringComparison.OrdinalIgnoreCase)
        && !string.Equals(configuration["OTEL_SDK_DISABLED"], "true", StringComparison.OrdinalIgnoreCase);

    // A method of its own, so that OpenTelemetry's assemblies are not even loaded when nothing is exported.
    static void Add(IServiceCollection services, bool metrics, bool traces)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(ServiceName, serviceVersion: IngestionTelemetry.Version).AddEnvironmentVariableDetector());
        if (metrics)
        {
            telemetry.WithMetrics(meters => meters
                .AddMeter(IngestionTelemetry.Name, "System.Runtime", "Microsoft.AspNetCore.Server.Kestrel")
                .AddOtlpExporter());
        }

        if (traces)
        {
            telemetry.WithTracing(sources => sources
                .AddSource(IngestionTelemetry.Name, "Microsoft.AspNetCore")
                .AddOtlpExporter());
        }
    }
}
