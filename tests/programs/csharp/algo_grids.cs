//! flags: -optimize+
using System;

class AlgoGrids
{
    static int Queens(int n, int row, int columns, int left, int right)
    {
        if (row == n) return 1;
        int count = 0;
        for (int free = ~(columns | left | right) & ((1 << n) - 1); free != 0; free &= free - 1)
        {
            int bit = free & -free;
            count += Queens(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
        }
        return count;
    }

    static bool PlaceQueens(int[] at, int row)
    {
        if (row == at.Length) return true;
        for (int c = 0; c < at.Length; c++)
        {
            bool ok = true;
            for (int r = 0; r < row && ok; r++)
                ok = at[r] != c && Math.Abs(at[r] - c) != row - r;
            if (!ok) continue;
            at[row] = c;
            if (PlaceQueens(at, row + 1)) return true;
        }
        return false;
    }

    static bool[,] Step(bool[,] world)
    {
        int h = world.GetLength(0), w = world.GetLength(1);
        var next = new bool[h, w];
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
            {
                int n = 0;
                for (int dy = -1; dy <= 1; dy++)
                    for (int dx = -1; dx <= 1; dx++)
                        if ((dy != 0 || dx != 0) && world[(y + dy + h) % h, (x + dx + w) % w]) n++;
                next[y, x] = n == 3 || n == 2 && world[y, x];
            }
        return next;
    }

    static void Show(bool[,] world)
    {
        for (int y = 0; y < world.GetLength(0); y++)
        {
            var line = new char[world.GetLength(1)];
            for (int x = 0; x < line.Length; x++) line[x] = world[y, x] ? '#' : '.';
            Console.WriteLine(new string(line));
        }
    }

    // Fixed-point arithmetic with 12 fractional bits.
    static void Mandelbrot()
    {
        for (int y = -12; y <= 12; y += 2)
        {
            string line = "";
            for (int x = -32; x <= 12; x++)
            {
                int cr = x * 4096 / 16, ci = y * 4096 / 10, zr = 0, zi = 0, n = 0;
                while (n < 50)
                {
                    int r2 = zr * zr >> 12, i2 = zi * zi >> 12;
                    if (r2 + i2 > 4 << 12) break;
                    zi = (zr * zi >> 11) + ci;
                    zr = r2 - i2 + cr;
                    n++;
                }
                line += " .:-=+*%#@"[n * 9 / 50];
            }
            Console.WriteLine(line);
        }
    }

    static int Distance(string[] maze)
    {
        int h = maze.Length, w = maze[0].Length;
        var distance = new int[h, w];
        var queue = new int[h * w];
        int head = 0, tail = 0;
        queue[tail++] = 0;
        distance[0, 0] = 1;
        int[] dx = { 1, 0, -1, 0 }, dy = { 0, 1, 0, -1 };
        while (head < tail)
        {
            int y = queue[head] / w, x = queue[head++] % w;
            for (int d = 0; d < 4; d++)
            {
                int ny = y + dy[d], nx = x + dx[d];
                if (ny < 0 || nx < 0 || ny >= h || nx >= w || maze[ny][nx] == '#' || distance[ny, nx] != 0) continue;
                distance[ny, nx] = distance[y, x] + 1;
                queue[tail++] = ny * w + nx;
            }
        }
        return distance[h - 1, w - 1] - 1;
    }

    static int Levenshtein(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) d[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
            for (int j = 1; j <= b.Length; j++)
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
        return d[a.Length, b.Length];
    }

    static int Knapsack(int[] weights, int[] values, int capacity)
    {
        var best = new int[capacity + 1];
        for (int i = 0; i < weights.Length; i++)
            for (int c = capacity; c >= weights[i]; c--)
                best[c] = Math.Max(best[c], best[c - weights[i]] + values[i]);
        return best[capacity];
    }

    static long Matmul(int n)
    {
        var a = new double[n, n];
        var b = new double[n][];
        for (int i = 0; i < n; i++)
        {
            b[i] = new double[n];
            for (int j = 0; j < n; j++) { a[i, j] = (i * 3 + j) % 7 * 0.25; b[i][j] = (i + j * 5) % 11 * 0.5; }
        }
        double total = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int k = 0; k < n; k++) sum += a[i, k] * b[k][j];
                total += sum * (i + 1);
            }
        return (long)(total * 8);
    }

    static void Main()
    {
        for (int n = 1; n <= 9; n++) Console.WriteLine(n + " queens " + Queens(n, 0, 0, 0, 0));
        var at = new int[8];
        Console.WriteLine(PlaceQueens(at, 0) + " " + string.Join("", new string[] { at[0].ToString(), at[1].ToString(), at[2].ToString(), at[7].ToString() }));
        var world = new bool[8, 12];
        world[0, 1] = world[1, 2] = world[2, 0] = world[2, 1] = world[2, 2] = true;
        world[5, 6] = world[5, 7] = world[5, 8] = true;
        for (int i = 0; i < 9; i++) world = Step(world);
        Show(world);
        Mandelbrot();
        Console.WriteLine(Distance(new string[] { "..#.....", ".##.###.", "....#...", ".####.#.", "......#." }));
        Console.WriteLine(Levenshtein("kitten", "sitting") + " " + Levenshtein("", "abc") + " " + Levenshtein("intention", "execution"));
        Console.WriteLine(Knapsack(new int[] { 12, 2, 1, 4, 1 }, new int[] { 4, 2, 1, 10, 2 }, 15));
        Console.WriteLine(Matmul(24));
    }
}
