using System;

class ArraysMulti
{
    struct Cell { public int Row, Column; public string Text; }

    static string At(int[,] a, int i, int j)
    {
        try { return a[i, j].ToString(); }
        catch (IndexOutOfRangeException) { return "out of range"; }
        catch (NullReferenceException) { return "null"; }
    }

    static long Trace(long[,] m)
    {
        long sum = 0;
        for (int i = 0; i < m.GetLength(0); i++)
            sum += m[i, i];
        return sum;
    }

    static long[,] Multiply(long[,] a, long[,] b)
    {
        int n = a.GetLength(0), k = b.GetLength(0), m = b.GetLength(1);
        var c = new long[n, m];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < m; j++)
                for (int x = 0; x < k; x++)
                    c[i, j] += a[i, x] * b[x, j];
        return c;
    }

    static void Increment(ref int x) { x += 100; }

    static void Main()
    {
        var a = new int[3, 4];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 4; j++)
                a[i, j] = i * 10 + j;
        foreach (int x in a)
            Console.WriteLine(x);
        Console.WriteLine(a.Length + " " + a.Rank + " " + a.GetLength(0) + " " + a.GetLength(1) + " " + a.GetUpperBound(1));
        Console.WriteLine(At(a, 2, 3));
        Console.WriteLine(At(a, 3, 0));
        Console.WriteLine(At(a, 0, 4));
        Console.WriteLine(At(a, -1, 0));
        Console.WriteLine(At(a, 0, -1));
        Console.WriteLine(At(null, 0, 0));
        Increment(ref a[1, 1]);
        a[1, 1] += 5;
        a[1, 2]++;
        Console.WriteLine(a[1, 1] + " " + a[1, 2]);

        var cube = new int[2, 3, 4];
        int n = 0;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                for (int k = 0; k < 4; k++)
                    cube[i, j, k] = n++;
        Console.WriteLine(cube[1, 2, 3] + " " + cube[0, 1, 2] + " " + cube.Length + " " + cube.Rank);
        int last = 0;
        foreach (int x in cube)
            last = last * 3 + x;
        Console.WriteLine(last);
        try { cube[1, 3, 0] = 1; }
        catch (IndexOutOfRangeException) { Console.WriteLine("cube out of range"); }

        int[,] table = { { 1, 2, 3 }, { 4, 5, 6 } };
        Console.WriteLine(table[1, 0] + " " + table[0, 2]);
        byte[,] bytes = new byte[2, 2];
        bytes[1, 0] = 200;
        bytes[1, 0] += 100;
        Console.WriteLine(bytes[1, 0]);
        string[,] words = { { "a", "b" }, { "c", null } };
        Console.WriteLine(words[0, 1] + words[1, 0] + words[1, 1]);
        words[1, 1] = "d";
        Console.WriteLine(words[1, 1]);

        var cells = new Cell[2, 2];
        cells[1, 0].Row = 1;
        cells[1, 0].Text = "cell";
        cells[0, 1] = cells[1, 0];
        cells[0, 1].Column = 7;
        Console.WriteLine(cells[0, 1].Row + " " + cells[0, 1].Column + " " + cells[0, 1].Text);
        Console.WriteLine(cells[1, 0].Column + " " + (cells[0, 0].Text == null));

        long[,] fib = { { 1, 1 }, { 1, 0 } };
        long[,] power = { { 1, 0 }, { 0, 1 } };
        for (int i = 0; i < 40; i++)
            power = Multiply(power, fib);
        Console.WriteLine(power[0, 1] + " " + Trace(power));

        double[,] grid = new double[3, 3];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                grid[i, j] = i + j * 0.5;
        Console.WriteLine((int)(grid[2, 2] * 10));

        object boxed = a;
        Console.WriteLine(boxed is int[,]);
        Console.WriteLine(boxed is int[]);
        Console.WriteLine(boxed is int[,,]);
        object[,] objects = words;
        try { objects[0, 0] = new object(); Console.WriteLine("stored"); }
        catch (ArrayTypeMismatchException) { Console.WriteLine("type mismatch"); }
        int[,][] mixed = new int[2, 2][];
        mixed[1, 1] = new int[] { 1, 2, 3 };
        Console.WriteLine(mixed[1, 1].Length);
        int negative = -1;
        try { Console.WriteLine(new int[2, negative].Length); }
        catch (OverflowException) { Console.WriteLine("negative size"); }
        Console.WriteLine(new int[0, 5].Length);
    }
}
