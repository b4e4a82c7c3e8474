using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.AddIngestion();
builder.Services.AddTelemetryExport(builder.Configuration);

var app = builder.Build();
// As on the other host before the first request, so that a key file that breaks before it leaves the keys as they are.
app.Services.GetRequiredService<Paths>();
app.Run();
