# One image for API and dispatcher: docker run … nexus-integrations serve [--no-api | --no-dispatch]
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
COPY --from=build --chown=node:node /app/package.json ./package.json
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
COPY --from=build --chown=node:node /app/sql ./sql
COPY --from=build --chown=node:node /app/bin ./bin
USER node
EXPOSE 3001
ENTRYPOINT ["node", "bin/nexus.js"]
CMD ["serve"]
