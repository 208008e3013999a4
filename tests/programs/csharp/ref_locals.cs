using System;

struct Cell { public int Value; public string Name; public Cell(int v, string n) { Value = v; Name = n; } }

class Node { public int Key; public Cell Cell; public Node Next; }

class RefLocals
{
    static int[] numbers = { 5, 3, 8, 1 };
    static int fallback = -1;
    static Cell cell = new Cell(1, "static");

    static ref int Largest(int[] a)
    {
        int best = 0;
        for (int i = 1; i < a.Length; i++)
            if (a[i] > a[best])
                best = i;
        return ref a[best];
    }

    static ref int Find(int[] a, int wanted)
    {
        for (int i = 0; i < a.Length; i++)
            if (a[i] == wanted)
                return ref a[i];
        return ref fallback;
    }

    static ref Cell CellOf(Node n) { return ref n.Cell; }
    static ref T At<T>(T[] a, int i) { return ref a[i]; }
    static ref int ValueOf(ref Cell c) { return ref c.Value; }
    static ref int Choose(ref int a, ref int b, bool first)
    {
        if (first)
            return ref a;
        return ref b;
    }

    static void Main()
    {
        ref int largest = ref Largest(numbers);
        largest = 0;
        Console.WriteLine(numbers[2] + " " + largest);
        Largest(numbers) += 10;
        Console.WriteLine(numbers[0]);
        Find(numbers, 3)++;
        Find(numbers, 99)--;
        Console.WriteLine(numbers[1] + " " + fallback);

        var node = new Node { Key = 1, Cell = new Cell(2, "two"), Next = new Node() };
        ref Cell c = ref CellOf(node);
        c.Value = 22;
        c.Name += "!";
        node = node.Next;
        GC.Collect();
        Console.WriteLine(c.Value + c.Name + (node.Cell.Name ?? "none"));
        CellOf(node) = c;
        c.Value++;
        Console.WriteLine(node.Cell.Value + " " + c.Value);

        ref int value = ref ValueOf(ref cell);
        value *= 50;
        Console.WriteLine(cell.Value + cell.Name);
        int x = 1, y = 2;
        Choose(ref x, ref y, true) = 10;
        Choose(ref x, ref y, false) = 20;
        Console.WriteLine(x + " " + y);
        ref int local = ref x;
        local++;
        int copy = local;
        copy++;
        Console.WriteLine(x + " " + copy);

        var cells = new Cell[] { new Cell(1, "a"), new Cell(2, "b") };
        At(cells, 1).Name = "changed";
        At(cells, 0) = At(cells, 1);
        At(numbers, 3) += 1000;
        string[] words = { "x", "y" };
        At(words, 0) += "yz";
        Console.WriteLine(cells[0].Name + cells[0].Value + " " + numbers[3] + " " + words[0]);
        try { At(words, 2) = "none"; }
        catch (IndexOutOfRangeException) { Console.WriteLine("no such word"); }
        int[,] grid = new int[2, 2];
        ref int corner = ref grid[1, 1];
        for (int i = 0; i < 10; i++)
            corner += i;
        Console.WriteLine(grid[1, 1]);

        // A reference into an object that nothing else holds.
        ref int inner = ref new int[] { 7, 8, 9 }[1];
        for (int i = 0; i < 2000; i++)
            numbers = new int[] { i, inner };
        GC.Collect();
        inner += numbers[1];
        Console.WriteLine(inner + " " + numbers[0]);
    }
}
