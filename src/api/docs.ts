/** `GET /openapi.json`, the document of every route, and `/docs`, a page of it for people. The page's library is loaded only where it is mounted. */
import type { FastifyInstance } from "fastify"
import { type OpenApiDocument, openApiDocument } from "./openapi.ts"
import type { Policy } from "./policy.ts"
import type { Route } from "./route.ts"

export const DOCS_PATH = "/docs"
/**
 * Everything from here. The library's own policy lets in what others serve, refuses a style that its page adds to itself, and moves a page that came by plain HTTP to HTTPS, where
 * nobody may listen.
 */
const CONTENT_POLICY = {
  "default-src": "'self'",
  "base-uri": "'self'",
  "frame-ancestors": "'self'",
  "img-src": ["'self'", "data:"],
  "object-src": "'none'",
  "style-src": ["'self'", "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"],
}
const OPEN: Policy = { open: true, why: "it describes the API and holds no data" }

export function mountDocs(app: FastifyInstance, routes: readonly Route[], version: string): void {
  app.register(async (scope) => {
    const { default: swagger } = await import("@fastify/swagger")
    const { default: swaggerUi } = await import("@fastify/swagger-ui")
    // The page adds routes of its own.
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, policy: OPEN }
    })
    const document = openApiDocument(routes, version)
    await scope.register(swagger, { mode: "static", specification: { document: document as never } })
    const uiConfig = { docExpansion: "list", deepLinking: true, displayRequestDuration: true } as const
    await scope.register(swaggerUi, {
      routePrefix: DOCS_PATH,
      staticCSP: CONTENT_POLICY,
      uiConfig,
      theme: { title: "StoreD API" },
    })
    scope.route({
      method: ["GET", "HEAD"],
      url: "/openapi.json",
      handler: async (_request, reply): Promise<OpenApiDocument> => {
        reply.header("cache-control", "no-cache")
        return document
      },
    })
  })
}
